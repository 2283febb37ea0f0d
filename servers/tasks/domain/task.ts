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
  scheduled: ["ready", "paused", "cancelled", "needs_decision"],
  ready: ["running", "scheduled", "paused", "cancelled", "needs_decision"],
  running: ["succeeded", "needs_review", "ready", "scheduled", "dead", "cancelled", "paused"],
  paused: ["ready", "blocked", "scheduled", "cancelled", "needs_decision"],
  needs_review: ["succeeded", "ready", "dead", "cancelled"],
  needs_decision: ["ready", "blocked", "scheduled", "cancelled"],
  succeeded: [],
  dead: ["ready", "blocked"],
  cancelled: [],
};

/** Whether the work is over, for good or ill. */
export function isFinished(status: TaskStatus): boolean {
  return status === "succeeded" || status === "dead" || status === "cancelled";
}

/** One thing that has to hold before the work counts: a command, or tests with what may not be touched. */
export type Acceptance =
  | { readonly run: string }
  | { readonly tests: string; readonly must_fail_before?: boolean | undefined; readonly protect?: readonly string[] | undefined };

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
  readonly budget: { readonly tokens?: number | undefined; readonly usd?: number | undefined; readonly wall_s?: number | undefined };
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
  /** Dependencies that still hold it back. */
  readonly openDeps: number;
  /** Attempts begun. */
  readonly attempt: number;
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

/** Where a task waits when nothing holds it back but, perhaps, the clock. */
export function waitingStatus(openDeps: number, notBefore: number | null, now: number): "blocked" | "scheduled" | "ready" {
  if (openDeps > 0) return "blocked";
  return notBefore !== null && notBefore > now ? "scheduled" : "ready";
}
