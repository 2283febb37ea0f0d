import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";
import { finish, sweepSandboxes, type TaskResult } from "./conduct.ts";
import type { RunContext } from "./context.ts";
import { latestClaim, listTasksOf } from "./drive.ts";
import { foldRun, type TaskView } from "./state.ts";
import { removeWorktrees } from "./worktrees.ts";

/** What a run needs to be cancelled: nobody who works for it. */
export type Cancellable = Pick<RunContext, "options" | "journal" | "hosts" | "files" | "clock" | "log">;

/**
 * Ends a run that nobody drives for good: its open tasks are cancelled in the queue and their claims given back, its
 * sandboxes and worktrees removed. What was merged stays, and so do the branches. Can be called again after a crash.
 */
export async function cancelRun(run: Cancellable): Promise<void> {
  const begun = run.clock();
  await sweepSandboxes(run);
  const { tasks } = foldRun(run.journal.runId, run.journal.events);
  const byId = new Map(tasks.map((task) => [task.id, task]));
  for (const { id, status } of await listTasksOf(run, OPEN)) {
    await run.hosts.tasks.call("update_task", { id, changes: { status: "cancelled" } }, z.unknown());
    const task = byId.get(id);
    if (status === "running" && task !== undefined) await giveBack(run, task);
  }
  for (const task of tasks) await removeWorktrees(run, task);
  await run.files.sweep();
  await finish(run, "cancelled", tasks.map(resultOf), begun);
}

const OPEN = ["ready", "running", "scheduled", "blocked", "paused", "needs_review", "needs_decision"];

/** A cancelled task is cancelled once its holder lets go of it. */
async function giveBack(run: Cancellable, task: TaskView): Promise<void> {
  const claim = latestClaim(run, task);
  if (claim === undefined) return;
  try {
    await run.hosts.tasks.call("release_task", { token: claim.token, note: "cancelled" }, z.unknown());
  } catch (error) {
    // The claim has lapsed, and the task with it.
    if (!(error instanceof DomainError && error.code === "conflict")) throw error;
  }
}

function resultOf({ id, ref, state, branch, commit, reasons }: TaskView): TaskResult {
  const isOver = state === "merged" || state === "rejected" || state === "failed";
  return {
    id,
    ref,
    status: isOver ? state : "cancelled",
    ...(branch === "" ? {} : { branch }),
    ...(commit === "" ? {} : { commit }),
    reasons: isOver ? reasons : ["the run was cancelled"],
  };
}
