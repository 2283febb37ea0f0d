import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { openOperation } from "../adapters/checkout.ts";
import { readStatus } from "../adapters/trees.ts";
import type { GitDeps } from "../deps.ts";
import { fitPaths, repoInput, tokensInput } from "./answer.ts";

const paths = z.array(z.string());

export const getRepoStatus = defineTool({
  name: "get_repo_status",
  title: "Status of a worktree",
  description:
    "Branch, head and changed files of a worktree. untrusted_config names settings of the repository that were switched off because they run programs.",
  input: z.object({ repo: repoInput, max_tokens: tokensInput }),
  output: z
    .object({
      branch: z.string().nullable(),
      head: z.string().nullable(),
      detached: z.boolean(),
      unborn: z.boolean(),
      ahead: z.int().nullable().describe("null without an upstream"),
      behind: z.int().nullable(),
      staged: paths,
      modified: paths,
      untracked: paths,
      conflicted: paths,
      in_progress: z.string().optional(),
      untrusted_config: paths,
      truncated: z.boolean(),
    })
    .partial(),
  annotations: READS,
  core: true,
  async run({ repo, max_tokens }, { host }: GitDeps, call) {
    const git = await host.open(repo);
    const [status, inProgress] = await Promise.all([readStatus(git, call.signal), openOperation(git)]);
    let left = max_tokens - 150;
    let truncated = false;
    const fit = (names: readonly string[]): string[] => {
      const fitted = fitPaths(names, left);
      left -= fitted.cost;
      truncated ||= fitted.truncated;
      return fitted.names;
    };
    const conflicted = fit(status.conflicted);
    return {
      branch: status.branch,
      head: status.head,
      detached: status.detached,
      unborn: status.unborn,
      ahead: status.ahead,
      behind: status.behind,
      staged: fit(status.staged),
      modified: fit(status.modified),
      untracked: fit(status.untracked),
      conflicted,
      ...(inProgress === undefined ? {} : { in_progress: inProgress }),
      untrusted_config: git.untrustedConfig.slice(0, 50),
      truncated,
    };
  },
});
