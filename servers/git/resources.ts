import { DomainError } from "../../kernel/errors.ts";
import { beginning, readByTool, type Resource } from "../../kernel/mcp/resource.ts";
import { localBranches } from "./adapters/refs.ts";
import type { GitDeps } from "./deps.ts";
import { getRepoDiff } from "./tools/get-repo-diff.ts";

/** What a host can attach of a repository. */
export const gitResources: readonly Resource<GitDeps>[] = [
  {
    name: "diff",
    title: "A difference",
    description:
      "What changed from one commit or branch to another. repo: its absolute path, percent-encoded.",
    uri: "slipway://diffs/{repo}/{from}/{to}",
    mimeType: "application/json",
    read: ({ repo = "", from = "", to = "" }, deps, call) =>
      readByTool(getRepoDiff, { repo, from, to, max_tokens: 10_000 }, deps, call),
    complete: { from: suggestBranch, to: suggestBranch },
  },
];

/** The branches of the repository that was chosen; none where it cannot be read. */
async function suggestBranch(
  start: string,
  { host }: GitDeps,
  { repo }: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  if (repo === undefined) return [];
  try {
    return beginning(await localBranches(await host.open(decodeURIComponent(repo))), start);
  } catch (error) {
    if (error instanceof DomainError || error instanceof URIError) return [];
    throw error;
  }
}
