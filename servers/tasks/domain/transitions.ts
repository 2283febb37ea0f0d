import { backoffMs } from "./backoff.ts";
import { NEXT, waitingStatus, type Claim, type Task, type TaskFailure, type TaskStatus, type Usage } from "./task.ts";

/** A refused move: what was tried, from where. */
export interface IllegalMove {
  readonly from: TaskStatus;
  readonly to: TaskStatus;
}

/** Whether the table allows the move. */
export function canMove(from: TaskStatus, to: TaskStatus): boolean {
  return NEXT[from].includes(to);
}

function moved(task: Task, to: TaskStatus, now: number, changes: Partial<Task>): Task {
  if (!canMove(task.status, to)) throw new RangeError(`${task.id}: ${task.status} -> ${to}`);
  return { ...task, ...changes, status: to, version: task.version + 1, updatedAt: now };
}

/** Gives a ready task out: one more attempt begins. */
export function claimed(task: Task, claim: Claim, now: number): Task {
  return moved(task, "running", now, { claim, worker: claim.agent, attempt: task.attempt + 1, progress: 0, usage: { tokens: 0, usd: 0 } });
}

/** Notes progress; every call that carries the token also renews the lease. */
export function progressed(
  task: Task,
  report: { readonly progress: number | undefined; readonly note: string | undefined; readonly checkpoint: unknown; readonly usage: Usage | undefined; readonly leaseS: number | undefined },
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
  if (claim === null) return null;
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
  result: { readonly output: unknown; readonly artifacts: readonly string[]; readonly usage: Usage | undefined; readonly verdict: "succeeded" | "needs_review"; readonly verified: boolean },
  now: number,
): Task {
  return moved(task, result.verdict, now, {
    claim: null,
    progress: 1,
    output: result.output,
    artifacts: result.artifacts,
    verified: result.verified,
    usage: atLeast(task.usage, result.usage),
    failure: null,
  });
}

/** Ends an attempt badly: back to the queue after a pause while attempts are left, else dead. */
export function failed(task: Task, failure: TaskFailure, retryable: boolean, usage: Usage | undefined, now: number, jitter: number): Task {
  const changes = { claim: null, failure, usage: atLeast(task.usage, usage) };
  if (!retryable || task.attempt >= task.maxAttempts) return moved(task, "dead", now, changes);
  return moved(task, "scheduled", now, { ...changes, notBefore: now + backoffMs(task.attempt, jitter) });
}

/** Sends unproven work back at once, or to the dead when no attempt is left. */
export function rejected(task: Task, failure: TaskFailure, now: number): Task {
  const to = task.attempt >= task.maxAttempts ? "dead" : "ready";
  return moved(task, to, now, { claim: null, failure, progress: 0 });
}

/** Gives the task back without blame: the attempt does not count. */
export function released(task: Task, note: string | undefined, checkpoint: unknown, now: number): Task {
  return moved(task, waitingStatus(task.openDeps, task.notBefore, now), now, {
    claim: null,
    attempt: Math.max(0, task.attempt - 1),
    notes: note === undefined ? task.notes : [...task.notes, note].slice(-KEPT_NOTES),
    checkpoint: checkpoint === undefined ? task.checkpoint : checkpoint,
  });
}

/** Takes a task from a holder that went silent; its checkpoint and notes stay for the next one. */
export function expired(task: Task, now: number): Task {
  const failure: TaskFailure = { message: `the lease of ${task.claim?.agent ?? "its holder"} ran out`, kind: "worker", log: "" };
  return moved(task, task.attempt >= task.maxAttempts ? "dead" : "ready", now, { claim: null, failure });
}

/** What becomes of a task when one of its dependencies ended. */
export function afterDependency(task: Task, on: "success" | "finish", ended: TaskStatus, now: number): Task {
  const satisfied = ended === "succeeded" || (ended === "dead" && on === "finish");
  const openDeps = Math.max(0, task.openDeps - (satisfied ? 1 : 0));
  if (!satisfied) return canMove(task.status, "needs_decision") ? moved(task, "needs_decision", now, {}) : task;
  if (task.status !== "blocked" || openDeps > 0) return { ...task, openDeps, version: task.version + 1, updatedAt: now };
  const to = waitingStatus(openDeps, task.notBefore, now);
  return to === "blocked" ? { ...task, openDeps } : moved(task, to, now, { openDeps });
}

/** A scheduled task whose time has come. */
export function promoted(task: Task, now: number): Task {
  return moved(task, "ready", now, { notBefore: null });
}

/** A person's or planner's change of state: cancelled, paused, or back into the queue. */
export function redirected(task: Task, to: "cancelled" | "paused" | "ready", now: number): Task {
  const target = to === "ready" ? waitingStatus(task.openDeps, task.notBefore, now) : to;
  return moved(task, target, now, { claim: null });
}

/** A reviewer's verdict over work that nobody could check by machine. */
export function reviewed(task: Task, verdict: "accept" | "reject", reasons: readonly string[], now: number): Task {
  if (verdict === "accept") return moved(task, "succeeded", now, {});
  return rejected(task, { message: reasons.join("; ") || "rejected in review", kind: "validation", log: "" }, now);
}
