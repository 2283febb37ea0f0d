import type { Budget, Spent } from "./budget.ts";

/** The life of a task, and the only moves that are allowed in it. */
export const TASK_STATUSES = [
  "blocked",
  "scheduled",
  "ready",
  "running",
  "paused",
  "needs_review",
  "needs_decision",
  "succeeded",
  "dead",
  "cancelled",
] as const;

export type TaskStatus = (typeof TASK_STATUSES)[number];

export const NEXT: Readonly<Record<TaskStatus, readonly TaskStatus[]>> = {
  blocked: ["ready", "scheduled", "needs_decision", "paused", "cancelled"],
  scheduled: ["ready", "blocked", "needs_decision", "paused", "cancelled"],
  ready: ["running", "blocked", "needs_decision", "paused", "cancelled"],
  running: ["succeeded", "needs_review", "ready", "blocked", "scheduled", "dead", "cancelled", "paused"],
  paused: ["ready", "blocked", "scheduled", "cancelled", "needs_decision"],
  needs_review: ["succeeded", "ready", "blocked", "dead", "cancelled"],
  needs_decision: ["ready", "blocked", "scheduled", "cancelled"],
  succeeded: [],
  dead: ["ready", "blocked"],
  cancelled: [],
};

/** Whether the work is over, for good or ill. */
export function isFinished(status: TaskStatus): boolean {
  return status === "succeeded" || status === "dead" || status === "cancelled";
}

/** Whether an end of a dependency is the one that was waited for. Cancelled work satisfies nobody. */
export function isSatisfied(on: "success" | "finish", ended: TaskStatus): boolean {
  return ended === "succeeded" || (ended === "dead" && on === "finish");
}

/**
 * One thing that has to hold before the work counts: a command, tests with what may not be touched, the form of the
 * output, artifacts that must be there, or a question that only a reviewer can answer.
 */
export type Acceptance =
  | { readonly run: string }
  | { readonly output_schema: unknown }
  | { readonly artifacts: readonly string[] }
  | { readonly review: string }
  | {
      readonly tests: string;
      readonly must_fail_before?: boolean | undefined;
      readonly protect?: readonly string[] | undefined;
    };

/** The command whose receipt proves an acceptance item, or null where none does. */
export function commandOf(item: Acceptance): string | null {
  if ("run" in item) return item.run;
  return "tests" in item ? item.tests : null;
}

/** An acceptance item in one line, for people. */
export function acceptanceInWords(item: Acceptance): string {
  if ("output_schema" in item) return "the output has its form";
  if ("artifacts" in item) return `artifacts: ${item.artifacts.join(", ")}`;
  if ("review" in item) return `a reviewer's yes: ${item.review}`;
  return commandOf(item) ?? "";
}

/** Tokens and money spent; an attempt's running total. */
export interface Usage {
  readonly tokens: number;
  readonly usd: number;
}

/** Who holds the task, under which token, until when. */
export interface Claim {
  readonly agent: string;
  readonly token: string;
  readonly leaseS: number;
  /** When the attempt began, and when it ends unless its holder calls; epoch milliseconds. */
  readonly since: number;
  readonly expiresAt: number;
  /** What the attempt may spend in all, as far as it has reported; reserved in every budget above it. */
  readonly grant: Budget;
  /** Somebody cancelled the task meanwhile: the lease grows no more, and whatever ends the attempt cancels the task. */
  readonly cancelRequested: boolean;
}

export interface TaskFailure {
  readonly message: string;
  readonly kind: FailureKind;
  readonly log: string;
}

export const FAILURE_KINDS = ["worker", "validation", "integration", "resource", "budget"] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

/** What its author said about a task; never changed by working on it. */
export interface TaskSpec {
  readonly ref: string | null;
  readonly title: string;
  readonly description: string;
  readonly type: string;
  readonly priority: number;
  readonly capabilities: readonly string[];
  readonly paths: readonly string[];
  readonly complexity: number | null;
  readonly estimateS: number | null;
  readonly maxAttempts: number;
  readonly budget: Budget;
  readonly acceptance: readonly Acceptance[];
  /** Free JSON for the worker. */
  readonly context: unknown;
  readonly tools: readonly string[];
  readonly milestone: string | null;
  readonly parent: string | null;
  readonly assignee: string | null;
  /** Epoch milliseconds before which the task is not given out. */
  readonly notBefore: number | null;
}

export interface Task extends TaskSpec {
  readonly id: string;
  readonly status: TaskStatus;
  /** Dependencies that have not ended, for good or ill. Those that ended badly show in the status, not here. */
  readonly openDeps: number;
  /** Attempts begun. Never goes back, so that the number names one attempt for good. */
  readonly attempt: number;
  /** How many of these do not count against `maxAttempts`: given back without blame. */
  readonly excused: number;
  readonly claim: Claim | null;
  /** Who worked on it last. */
  readonly worker: string | null;
  /** Whose process that one called from, or null where nobody noted it. */
  readonly workerPrincipal: string | null;
  readonly progress: number;
  readonly checkpoint: unknown;
  readonly notes: readonly string[];
  readonly output: unknown;
  readonly artifacts: readonly string[];
  readonly verified: boolean;
  readonly usage: Usage;
  /** Whether the attempt ever said what it used, be it nothing. */
  readonly hasReported: boolean;
  /** What all attempts that ended cost together. */
  readonly spent: Spent;
  /** Who should not get it for a while, because it failed where they work. */
  readonly avoid: { readonly agent: string; readonly until: number } | null;
  /** The task whose failure this one mends, or null. */
  readonly followsUp: string | null;
  readonly failure: TaskFailure | null;
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Whether every attempt that the task may have is spent. */
export function isExhausted(task: Task): boolean {
  return task.attempt - task.excused >= task.maxAttempts;
}

/** How many attempts the task may still have; one that is running counts. */
export function attemptsLeft(task: Task): number {
  const left = task.maxAttempts - (task.attempt - task.excused);
  return Math.max(1, task.claim === null ? left : left + 1);
}

/** Where a task waits when nothing holds it back but, perhaps, the clock. */
export function waitingStatus(
  openDeps: number,
  notBefore: number | null,
  now: number,
): "blocked" | "scheduled" | "ready" {
  if (openDeps > 0) return "blocked";
  return notBefore !== null && notBefore > now ? "scheduled" : "ready";
}

/** Whether the table allows the move. */
export function canMove(from: TaskStatus, to: TaskStatus): boolean {
  return NEXT[from].includes(to);
}

/**
 * The task after a move, one version on.
 *
 * @throws {RangeError} where the table has no such move.
 */
export function moved(task: Task, to: TaskStatus, now: number, changes: Partial<Task>): Task {
  if (!canMove(task.status, to)) throw new RangeError(`${task.id}: ${task.status} -> ${to}`);
  return { ...task, ...changes, status: to, version: task.version + 1, updatedAt: now };
}
