import { backoffMs } from "./backoff.ts";
import {
  added,
  isSpent,
  NOTHING_SPENT,
  silentCost,
  toppedUp,
  type Budget,
  type Purse,
  type Spent,
  type Wish,
} from "./budget.ts";
import {
  attemptsLeft,
  isExhausted,
  moved,
  waitingStatus,
  type Claim,
  type Task,
  type TaskFailure,
  type TaskStatus,
  type Usage,
} from "./task.ts";

/** What an attempt has used so far. */
export function usedBy(task: Task, now: number): Spent {
  return { ...task.usage, wall_s: Math.max(0, now - (task.claim?.since ?? now)) / 1_000 };
}

/**
 * Books what the attempt cost. A holder that speaks is believed; one that vanished, or gives the task back without a
 * word about it, is charged all that was reserved for it.
 */
export function settled(
  task: Task,
  usage: Usage | undefined,
  how: "told" | "given_back" | "lost",
  now: number,
): Task {
  if (task.claim === null) return task;
  const total = atLeast(task.usage, usage);
  const end = how === "lost" ? Math.min(now, task.claim.expiresAt) : now;
  const used = usedBy({ ...task, usage: total }, end);
  const isSilent =
    how === "lost" || (how === "given_back" && !task.hasReported && total.tokens === 0 && total.usd === 0);
  const cost = isSilent ? silentCost(task.claim.grant, used) : used;
  return { ...task, usage: total, spent: added(task.spent, cost) };
}

/** Ends the holder's hold. Where somebody asked for the task to be cancelled, that is what becomes of it. */
function letGo(task: Task, to: TaskStatus, now: number, changes: Partial<Task>): Task {
  return moved(task, task.claim?.cancelRequested === true ? "cancelled" : to, now, {
    ...changes,
    claim: null,
  });
}

/** Where a task goes that was not done: back into the queue, or to the dead where no attempt or nothing to spend is left. */
function again(task: Task, notBefore: number | null, now: number): TaskStatus {
  if (isExhausted(task) || isSpent(task.budget, task.spent)) return "dead";
  return waitingStatus(task.openDeps, notBefore, now);
}

/** Gives a ready task out: one more attempt begins, and any schedule is spent. */
export function claimed(task: Task, claim: Claim, now: number): Task {
  return moved(task, "running", now, {
    claim,
    worker: claim.agent,
    attempt: task.attempt + 1,
    progress: 0,
    usage: { tokens: NOTHING_SPENT.tokens, usd: NOTHING_SPENT.usd },
    hasReported: false,
    notBefore: null,
    avoid: null,
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
  purses: readonly Purse[],
  now: number,
): Task {
  const usage = atLeast(task.usage, report.usage);
  return {
    ...task,
    claim: renewed({ ...task, usage }, report.leaseS, purses, now),
    progress: report.progress ?? task.progress,
    notes: report.note === undefined ? task.notes : [...task.notes, report.note].slice(-KEPT_NOTES),
    checkpoint: report.checkpoint === undefined ? task.checkpoint : report.checkpoint,
    usage,
    hasReported: task.hasReported || report.usage !== undefined,
    version: task.version + 1,
    updatedAt: now,
  };
}

const KEPT_NOTES = 20;

function renewed(
  task: Task,
  leaseS: number | undefined,
  purses: readonly Purse[],
  now: number,
): Claim | null {
  const { claim } = task;
  if (claim === null || claim.cancelRequested) return claim;
  const wish = wishOf(task, leaseS ?? claim.leaseS);
  const grant = toppedUp(claim.grant, usedBy(task, now), wish, purses);
  const expiresAt = Math.max(claim.expiresAt, now + wish.leaseS * 1_000);
  return { ...claim, grant, expiresAt: endOf(claim.since, grant, expiresAt) };
}

/** What an attempt at a task asks of the budgets above it. */
export function wishOf(task: Task, leaseS: number): Wish {
  return { budget: task.budget, spent: task.spent, attemptsLeft: attemptsLeft(task), leaseS };
}

/** A lease never outlasts the time that was granted. */
export function endOf(since: number, grant: Budget, wanted: number): number {
  return grant.wall_s === undefined ? wanted : Math.min(wanted, Math.floor(since + grant.wall_s * 1_000));
}

/**
 * Moves an attempt to the time of a clock that was set back since its holder last called, so that what was left of the
 * lease then is left now.
 */
export function setBack(task: Task, now: number): Task {
  const { claim, updatedAt } = task;
  if (claim === null || updatedAt <= now) return task;
  const shift = updatedAt - now;
  return {
    ...task,
    claim: { ...claim, since: claim.since - shift, expiresAt: claim.expiresAt - shift },
    version: task.version + 1,
    updatedAt: now,
  };
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
  return letGo(settled(task, result.usage, "told", now), result.verdict, now, {
    progress: 1,
    output: result.output,
    artifacts: result.artifacts,
    verified: result.verified,
    failure: null,
  });
}

/** How long what failed for want of a resource where an agent works is kept for others, if any are there, after the pause. */
const ELSEWHERE_MS = 10 * 60_000;

/**
 * Ends an attempt badly: back to the queue after a pause while attempts and budget are left, else dead. What failed for
 * want of a resource is tried later and by somebody else; what ran out of budget is not tried again by itself.
 */
export function failed(
  held: Task,
  failure: TaskFailure,
  retryable: boolean,
  usage: Usage | undefined,
  now: number,
  jitter: number,
): Task {
  const task = settled(held, usage, "told", now);
  const isOver = !retryable || failure.kind === "budget";
  if (isOver || again(task, null, now) === "dead") return letGo(task, "dead", now, { failure });
  const notBefore = now + backoffMs(task.attempt - task.excused, jitter, failure.kind);
  const avoid =
    failure.kind === "resource" && task.worker !== null
      ? { agent: task.worker, until: notBefore + ELSEWHERE_MS }
      : null;
  return letGo(task, waitingStatus(task.openDeps, notBefore, now), now, { failure, notBefore, avoid });
}

/** Sends unproven work back at once, or to the dead when no attempt is left. */
export function rejected(held: Task, failure: TaskFailure, usage: Usage | undefined, now: number): Task {
  const task = settled(held, usage, "told", now);
  return letGo(task, again(task, task.notBefore, now), now, { failure, progress: 0 });
}

/** Gives the task back without blame: the attempt does not count against the limit, but what it cost does. */
export function released(held: Task, note: string | undefined, checkpoint: unknown, now: number): Task {
  const task = settled({ ...held, excused: held.excused + 1 }, undefined, "given_back", now);
  return letGo(task, again(task, task.notBefore, now), now, {
    failure: isSpent(task.budget, task.spent) ? OVER_BUDGET : task.failure,
    notes: note === undefined ? task.notes : [...task.notes, note].slice(-KEPT_NOTES),
    checkpoint: checkpoint === undefined ? task.checkpoint : checkpoint,
  });
}

const OVER_BUDGET: TaskFailure = { message: "its budget is spent", kind: "budget", log: "" };

/** Takes a task from a holder that went silent; its checkpoint and notes stay for the next one. */
export function expired(held: Task, now: number): Task {
  const task = settled(held, undefined, "lost", now);
  const failure: TaskFailure = isSpent(task.budget, task.spent)
    ? OVER_BUDGET
    : { message: `the lease of ${held.claim?.agent ?? "its holder"} ran out`, kind: "worker", log: "" };
  return letGo(task, again(task, task.notBefore, now), now, { failure });
}
