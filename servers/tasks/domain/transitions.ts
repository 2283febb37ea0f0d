import { backoffMs } from "./backoff.ts";
import type { Dependency } from "./batch.ts";
import {
  isExhausted,
  isFinished,
  isSatisfied,
  NEXT,
  waitingStatus,
  type Claim,
  type Task,
  type TaskFailure,
  type TaskStatus,
  type Usage,
} from "./task.ts";

/** Whether the table allows the move. */
export function canMove(from: TaskStatus, to: TaskStatus): boolean {
  return NEXT[from].includes(to);
}

function moved(task: Task, to: TaskStatus, now: number, changes: Partial<Task>): Task {
  if (!canMove(task.status, to)) throw new RangeError(`${task.id}: ${task.status} -> ${to}`);
  return { ...task, ...changes, status: to, version: task.version + 1, updatedAt: now };
}

/** Ends the holder's hold. Where somebody asked for the task to be cancelled, that is what becomes of it. */
function letGo(task: Task, to: TaskStatus, now: number, changes: Partial<Task>): Task {
  return moved(task, task.claim?.cancelRequested === true ? "cancelled" : to, now, {
    ...changes,
    claim: null,
  });
}

/** Gives a ready task out: one more attempt begins, and any schedule is spent. */
export function claimed(task: Task, claim: Claim, now: number): Task {
  return moved(task, "running", now, {
    claim,
    worker: claim.agent,
    attempt: task.attempt + 1,
    progress: 0,
    usage: { tokens: 0, usd: 0 },
    notBefore: null,
  });
}

/** Notes progress; every call that carries the token also renews the lease. */
export function progressed(
  task: Task,
  report: {
    readonly progress: number | undefined;
    readonly note: string | undefined;
    readonly checkpoint: unknown;
    readonly usage: Usage | undefined;
    readonly leaseS: number | undefined;
  },
  now: number,
): Task {
  return {
    ...task,
    claim: renewed(task.claim, report.leaseS, now),
    progress: report.progress ?? task.progress,
    notes: report.note === undefined ? task.notes : [...task.notes, report.note].slice(-KEPT_NOTES),
    checkpoint: report.checkpoint === undefined ? task.checkpoint : report.checkpoint,
    usage: atLeast(task.usage, report.usage),
    version: task.version + 1,
    updatedAt: now,
  };
}

const KEPT_NOTES = 20;

function renewed(claim: Claim | null, leaseS: number | undefined, now: number): Claim | null {
  if (claim === null || claim.cancelRequested) return claim;
  return { ...claim, expiresAt: Math.max(claim.expiresAt, now + (leaseS ?? claim.leaseS) * 1_000) };
}

/** Running totals only grow: a late or repeated report never lowers what was spent. */
export function atLeast(known: Usage, reported: Usage | undefined): Usage {
  if (reported === undefined) return known;
  return { tokens: Math.max(known.tokens, reported.tokens), usd: Math.max(known.usd, reported.usd) };
}

/** Ends an attempt well. `verified` says whether the evidence was checked here. */
export function completed(
  task: Task,
  result: {
    readonly output: unknown;
    readonly artifacts: readonly string[];
    readonly usage: Usage | undefined;
    readonly verdict: "succeeded" | "needs_review";
    readonly verified: boolean;
  },
  now: number,
): Task {
  return letGo(task, result.verdict, now, {
    progress: 1,
    output: result.output,
    artifacts: result.artifacts,
    verified: result.verified,
    usage: atLeast(task.usage, result.usage),
    failure: null,
  });
}

/** Ends an attempt badly: back to the queue after a pause while attempts are left, else dead. */
export function failed(
  task: Task,
  failure: TaskFailure,
  retryable: boolean,
  usage: Usage | undefined,
  now: number,
  jitter: number,
): Task {
  const changes = { failure, usage: atLeast(task.usage, usage) };
  if (!retryable || isExhausted(task)) return letGo(task, "dead", now, changes);
  const notBefore = now + backoffMs(task.attempt - task.excused, jitter);
  return letGo(task, waitingStatus(task.openDeps, notBefore, now), now, { ...changes, notBefore });
}

/** Sends unproven work back at once, or to the dead when no attempt is left. */
export function rejected(task: Task, failure: TaskFailure, usage: Usage | undefined, now: number): Task {
  const to = isExhausted(task) ? "dead" : waitingStatus(task.openDeps, task.notBefore, now);
  return letGo(task, to, now, { failure, progress: 0, usage: atLeast(task.usage, usage) });
}

/** Gives the task back without blame: the attempt does not count against the limit. */
export function released(task: Task, note: string | undefined, checkpoint: unknown, now: number): Task {
  return letGo(task, waitingStatus(task.openDeps, task.notBefore, now), now, {
    excused: task.excused + 1,
    notes: note === undefined ? task.notes : [...task.notes, note].slice(-KEPT_NOTES),
    checkpoint: checkpoint === undefined ? task.checkpoint : checkpoint,
  });
}

/** Takes a task from a holder that went silent; its checkpoint and notes stay for the next one. */
export function expired(task: Task, now: number): Task {
  const failure: TaskFailure = {
    message: `the lease of ${task.claim?.agent ?? "its holder"} ran out`,
    kind: "worker",
    log: "",
  };
  const to = isExhausted(task) ? "dead" : waitingStatus(task.openDeps, task.notBefore, now);
  return letGo(task, to, now, { failure });
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

/** A scheduled task whose time has come. */
export function promoted(task: Task, now: number): Task {
  return moved(task, "ready", now, { notBefore: null });
}

/**
 * A person's or planner's change of state: cancelled, paused, or back into the queue.
 * Cancelling a task that is out only asks its holder to stop (see `Claim.cancelRequested`), so that its paths stay
 * reserved while it may still write. Pausing or queueing takes the task from its holder at once, without blame.
 * Queueing skips a wait for the clock, leaves aside dependencies that ended badly, and grants one more attempt where
 * none was left.
 *
 * @throws {RangeError} where the table has no such move: ask `canRedirect` first.
 */
export function redirected(task: Task, to: Redirection, now: number): Task {
  if (to === "cancelled" && task.claim !== null) {
    return {
      ...task,
      claim: { ...task.claim, cancelRequested: true },
      version: task.version + 1,
      updatedAt: now,
    };
  }
  const excused = task.claim === null ? task.excused : task.excused + 1;
  if (to !== "ready") return moved(task, to, now, { claim: null, excused });
  const notBefore = task.status === "scheduled" ? null : task.notBefore;
  const target = waitingStatus(task.openDeps, notBefore, now);
  const granted = task.claim === null && isExhausted(task) ? excused + 1 : excused;
  return moved(task, target, now, { claim: null, notBefore, excused: granted });
}

export type Redirection = "cancelled" | "paused" | "ready";

/** Whether a person may send the task there. A blocked task becomes ready only by its dependencies. */
export function canRedirect(task: Task, to: Redirection): boolean {
  return canMove(task.status, to) && !(task.status === "blocked" && to === "ready");
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
