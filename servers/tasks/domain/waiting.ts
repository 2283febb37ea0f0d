import type { Dependency } from "./batch.ts";
import {
  canMove,
  isFinished,
  isSatisfied,
  moved,
  waitingStatus,
  type Task,
  type TaskStatus,
} from "./task.ts";

/** A scheduled task whose time has come. */
export function promoted(task: Task, now: number): Task {
  return moved(task, "ready", now, { notBefore: null });
}

/** What becomes of a task when one of its dependencies ended. Work that is out already goes on. */
export function afterDependency(task: Task, on: "success" | "finish", ended: TaskStatus, now: number): Task {
  const openDeps = task.openDeps - 1;
  if (!isSatisfied(on, ended) && canMove(task.status, "needs_decision"))
    return moved(task, "needs_decision", now, { openDeps });
  if (task.status === "blocked" && openDeps === 0)
    return moved(task, waitingStatus(0, task.notBefore, now), now, { openDeps });
  return { ...task, openDeps, version: task.version + 1, updatedAt: now };
}

/**
 * What becomes of a task when one of its dependencies, which had ended, is queued again. It waits once more, unless
 * it is out or over; a decision stays needed while another dependency has ended badly.
 */
export function afterReopening(task: Task, isStillHopeless: boolean, now: number): Task {
  const openDeps = task.openDeps + 1;
  const waits =
    task.status === "ready" ||
    task.status === "scheduled" ||
    (task.status === "needs_decision" && !isStillHopeless);
  return waits
    ? moved(task, "blocked", now, { openDeps })
    : { ...task, openDeps, version: task.version + 1, updatedAt: now };
}

/** A dependency and where it stands. */
export interface DependencyState extends Dependency {
  readonly status: TaskStatus;
}

/** Whether a dependency has ended, and not as it was waited for. */
export function isHopeless({ on, status }: Omit<DependencyState, "task">): boolean {
  return isFinished(status) && !isSatisfied(on, status);
}

/**
 * What becomes of a task whose dependencies are changed. One that is new and has ended badly asks for a decision; when
 * the last one that ended badly is dropped, the task waits again. Work that is out goes on.
 */
export function rewired(
  task: Task,
  before: readonly DependencyState[],
  after: readonly DependencyState[],
  now: number,
): Task {
  const openDeps = after.filter(({ status }) => !isFinished(status)).length;
  const to = statusAfterRewiring(task, before, after, openDeps, now);
  return to === task.status
    ? { ...task, openDeps, version: task.version + 1, updatedAt: now }
    : moved(task, to, now, { openDeps });
}

function statusAfterRewiring(
  task: Task,
  before: readonly DependencyState[],
  after: readonly DependencyState[],
  openDeps: number,
  now: number,
): TaskStatus {
  const known = new Set(before.filter(isHopeless).map((dependency) => dependency.task));
  const isNewlyHopeless = after.some((dependency) => isHopeless(dependency) && !known.has(dependency.task));
  switch (task.status) {
    case "blocked":
    case "scheduled":
      return isNewlyHopeless ? "needs_decision" : waitingStatus(openDeps, task.notBefore, now);
    case "ready":
      // Its time has come, whatever a clock that was set back says.
      return isNewlyHopeless ? "needs_decision" : waitingStatus(openDeps, null, now);
    case "paused":
      return isNewlyHopeless ? "needs_decision" : "paused";
    case "needs_decision":
      return known.size > 0 && !after.some(isHopeless)
        ? waitingStatus(openDeps, task.notBefore, now)
        : "needs_decision";
    case "running":
    case "needs_review":
    case "dead":
    case "succeeded":
    case "cancelled":
      return task.status;
  }
}
