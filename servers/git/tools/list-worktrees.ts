import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { fitItems } from "../../../kernel/tokens.ts";
import { listWorktrees as readWorktrees } from "../adapters/checkout.ts";
import type { GitDeps } from "../deps.ts";
import { repoInput, tokensInput } from "./answer.ts";

export const listWorktrees = defineTool({
  name: "list_worktrees",
  title: "List worktrees",
  description:
    "All worktrees of a repository, the main one first, with the lease of those made by add_worktree.",
  input: z.object({
    repo: repoInput,
    cursor: z
      .string()
      .regex(/^\d{1,6}$/)
      .optional(),
    max_tokens: tokensInput,
  }),
  output: z
    .object({
      worktrees: z
        .array(z.looseObject({ path: z.string(), branch: z.string().nullable() }))
        .describe(
          "path, branch, head, main, missing (folder gone), expired; id, task_id, expires_at of leased ones",
        ),
      next_cursor: z.string().optional(),
    })
    .partial(),
  annotations: READS,
  async run({ repo, cursor, max_tokens }, { host, store, clock }: GitDeps) {
    const git = await host.open(repo);
    const leases = await store.read((tx) => tx.leasesOf(git.commonDir));
    const byPath = new Map(leases.map((lease) => [lease.path, lease]));
    const now = clock();
    const all = (await readWorktrees(git)).map((entry) => {
      const lease = byPath.get(entry.path);
      const expiresAt = lease?.expiresAt ?? null;
      return {
        ...(lease === undefined ? {} : { id: lease.id }),
        path: entry.path,
        branch: entry.branch,
        head: entry.head,
        main: entry.main,
        missing: entry.prunable,
        ...(lease?.taskId == null ? {} : { task_id: lease.taskId }),
        ...(expiresAt === null ? {} : { expires_at: toIso(expiresAt) }),
        expired: expiresAt !== null && expiresAt < now,
      };
    });
    const start = Number(cursor ?? 0);
    const { taken, truncated } = fitItems(all.slice(start), max_tokens);
    return { worktrees: [...taken], ...(truncated ? { next_cursor: String(start + taken.length) } : {}) };
  },
});
