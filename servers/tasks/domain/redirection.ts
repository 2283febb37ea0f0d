import { rejected, settled } from "./attempt.ts";
import { isSpent } from "./budget.ts";
import { canMove, isExhausted, moved, waitingStatus, type Task } from "./task.ts";

export type Redirection = "cancelled" | "paused" | "ready";

/**
 * A person's or planner's change of state: cancelled, paused, or back into the queue.
 * Cancelling a task that is out only asks its holder to stop (see `Claim.cancelRequested`), so that its paths stay
 * reserved while it may still write. Pausing or queueing takes the task from its holder at once, without blame.
 * Queueing skips a wait for the clock, leaves aside dependencies that ended badly, and grants one more attempt where
 * none was left.
 *
 * @throws {RangeError} where the table has no such move: ask `canRedirect` first.
 */
export function redirected(held: Task, to: Redirection, now: number): Task {
  if (to === "cancelled" && held.claim !== null) {
    return {
      ...held,
      claim: { ...held.claim, cancelRequested: true },
      version: held.version + 1,
      updatedAt: now,
    };
  }
  const excused = held.claim === null ? held.excused : held.excused + 1;
  const task = settled(held, undefined, "lost", now);
  if (to !== "ready") return moved(task, to, now, { claim: null, excused });
  const notBefore = task.status === "scheduled" ? null : task.notBefore;
  const target = isSpent(task.budget, task.spent) ? "dead" : waitingStatus(task.openDeps, notBefore, now);
  const granted = task.claim === null && isExhausted(task) ? excused + 1 : excused;
  return moved(task, target, now, { claim: null, notBefore, excused: granted });
}

/**
 * Whether a person may send the task there. A blocked task becomes ready only by its dependencies, and nothing is queued
 * again whose budget is spent.
 */
export function canRedirect(task: Task, to: Redirection): boolean {
  if (to === "ready" && (task.status === "blocked" || needsBudget(task))) return false;
  return canMove(task.status, to);
}

/** Whether a task that nobody holds must get more budget before anybody may. */
export function needsBudget(task: Task): boolean {
  return task.claim === null && isSpent(task.budget, task.spent);
}

/** A reviewer's verdict over work that nobody could check by machine. */
export function reviewed(
  task: Task,
  verdict: "accept" | "reject",
  reasons: readonly string[],
  now: number,
): Task {
  if (verdict === "accept") return moved(task, "succeeded", now, {});
  return rejected(
    task,
    { message: reasons.join("; ").slice(0, 4_000) || "rejected in review", kind: "validation", log: "" },
    undefined,
    now,
  );
}
