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

/** One thing that has to hold before the work counts: a command, or tests with what may not be touched. */
export type Acceptance =
  | { readonly run: string }
  | {
      readonly tests: string;
      readonly must_fail_before?: boolean | undefined;
      readonly protect?: readonly string[] | undefined;
    };

/** The command whose receipt proves an acceptance item. */
export function commandOf(item: Acceptance): string {
  return "run" in item ? item.run : item.tests;
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
  /** Epoch milliseconds. */
  readonly expiresAt: number;
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
  readonly budget: {
    readonly tokens?: number | undefined;
    readonly usd?: number | undefined;
    readonly wall_s?: number | undefined;
  };
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
  readonly progress: number;
  readonly checkpoint: unknown;
  readonly notes: readonly string[];
  readonly output: unknown;
  readonly artifacts: readonly string[];
  readonly verified: boolean;
  readonly usage: Usage;
  readonly failure: TaskFailure | null;
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Whether every attempt that the task may have is spent. */
export function isExhausted(task: Task): boolean {
  return task.attempt - task.excused >= task.maxAttempts;
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
