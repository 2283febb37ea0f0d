import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { readRef } from "../adapters/refs.ts";
import { emptyTree } from "../adapters/trees.ts";
import type { GitDeps } from "../deps.ts";
import { repoInput, someNames, tokensInput } from "./answer.ts";
import { pageDiff } from "./diff-page.ts";

export const getRepoDiff = defineTool({
  name: "get_repo_diff",
  title: "Differences",
  description:
    "What changed between two commits, or since one. First the files with their line counts, then the patch, both in pages: pass next_cursor back for more. Without `to` it compares with the working tree: tracked files, staged or not; get_repo_status lists untracked ones.",
  input: z.object({
    repo: repoInput,
    from: z.string().optional().describe("Commit or branch; default HEAD"),
    to: z.string().optional(),
    paths: someNames.optional(),
    stat_only: z.boolean().default(false),
    max_tokens: tokensInput,
    cursor: z.string().optional(),
  }),
  output: z
    .object({
      files: z.array(z.looseObject({ path: z.string() })).describe("path, status, added, removed, binary"),
      total: z.looseObject({}).describe("files, added, removed"),
      patch: z.string().optional().describe("A line ending in CR shows ␍"),
      truncated: z.boolean(),
      next_cursor: z.string().optional(),
    })
    .partial(),
  annotations: READS,
  core: true,
  async run({ repo, from, to, paths, stat_only, max_tokens, cursor }, { host }: GitDeps, call) {
    const git = await host.open(repo);
    const unborn = from === undefined && (await readRef(git, "HEAD")) === null;
    const ids = [unborn ? await emptyTree(git) : await git.resolveCommit(from ?? "HEAD")];
    if (to !== undefined) ids.push(await git.resolveCommit(to));
    return pageDiff(git, { ids, paths, statOnly: stat_only, maxTokens: max_tokens, cursor }, call.signal);
  },
});
