import { z } from "zod";
import type { PlannedRun, PlannedTask, RunContext } from "./context.ts";

const Worktrees = z.looseObject({
  worktrees: z.array(
    z.looseObject({ id: z.string().optional(), path: z.string(), branch: z.string().nullable() }),
  ),
  next_cursor: z.string().optional(),
});

/** The branch of one beginning of an attempt's work; a later beginning follows a crash. */
export function workBranch(run: PlannedRun, task: PlannedTask, attempt: number, beginning: number): string {
  return `${branchStem(run, task)}${attempt}${beginning === 1 ? "" : `.${beginning}`}`;
}

function branchStem(run: Pick<RunContext, "journal">, task: Pick<PlannedTask, "ref">): string {
  return `slipway/${run.journal.runId.slice(4)}/${task.ref}-a`;
}

/**
 * Removes every worktree of a task, also those that a killed life left without a lease. The branches stay, so that
 * refused work can be looked at. What cannot be removed is logged: it must not undo what has landed.
 */
export async function removeWorktrees(
  run: Pick<RunContext, "options" | "journal" | "hosts" | "log">,
  task: Pick<PlannedTask, "ref">,
): Promise<void> {
  const { repo } = run.options;
  const stem = branchStem(run, task);
  let cursor: string | undefined;
  try {
    const found: z.output<typeof Worktrees>["worktrees"] = [];
    do {
      const page: z.output<typeof Worktrees> = await run.hosts.git.call(
        "list_worktrees",
        { repo, max_tokens: 20_000, ...(cursor === undefined ? {} : { cursor }) },
        Worktrees,
      );
      found.push(...page.worktrees);
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    for (const { id, path, branch } of found) {
      if (branch?.startsWith(stem) !== true || !/^\d+(\.\d+)?$/.test(branch.slice(stem.length))) continue;
      await run.hosts.git.call(
        "remove_worktree",
        { repo, ...(id === undefined ? { path } : { id }), force: true },
        z.unknown(),
      );
    }
  } catch (error) {
    run.log("warn", "a worktree could not be removed", {
      task: task.ref,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
