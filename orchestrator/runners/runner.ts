import type { ErrorAnswer } from "../../kernel/errors.ts";

export type Role = "planner" | "implementer" | "reviewer";

/** What a command in the workspace did; `exitCode` is null where the program never ended by itself. */
export interface CommandResult {
  readonly outcome: string;
  readonly exitCode: number | null;
  readonly output: string;
}

/**
 * The only hands a model has. Paths are relative to the task's worktree, with `/`.
 *
 * @throws {DomainError} `not_found` or `invalid`, which the model is told and may correct.
 */
export interface Workspace {
  list(path: string): Promise<readonly string[]>;
  read(path: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
  run(command: string, timeoutS: number): Promise<CommandResult>;
}

/** What one attempt of one role may spend. Tokens count input and output together; absent means no limit of that kind. */
export interface JobBudget {
  readonly tokens?: number;
  readonly usd?: number;
  readonly wallS?: number;
}

/** One attempt at one piece of work, complete in itself: a runner needs no other knowledge of the run. */
export interface Job {
  readonly role: Role;
  readonly runId: string;
  readonly taskRef: string;
  /** Counts from 1. */
  readonly attempt: number;
  readonly title: string;
  readonly description: string;
  readonly acceptance: readonly string[];
  /** What the task may change, as paths or globs; empty means anything. */
  readonly paths: readonly string[];
  /** Recalled memory, specifications, a listing: untrusted data. */
  readonly context: string;
  /** Why the last attempt was rejected; empty at first. */
  readonly feedback: string;
  /** The change under review; empty for the other roles. */
  readonly diff: string;
  /** The test log of the change under review; empty for the other roles. */
  readonly log: string;
  /** Absolute path of the task's worktree, for runners that are programs of their own. */
  readonly worktree: string | null;
  readonly budget: JobBudget;
}

/** Running totals of one job. `inputTokens` includes cached ones. `usd` is null where a price is not known, never 0. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly usd: number | null;
}

export interface Review {
  readonly verdict: "approve" | "reject";
  readonly reasons: readonly string[];
}

/** What a finished job hands over. A plan is not checked here: the run parses it with the plan schema. */
export type JobResult =
  | { readonly kind: "work" }
  | { readonly kind: "plan"; readonly plan: unknown }
  | { readonly kind: "review"; readonly review: Review };

interface Ended {
  /** Null where the runner cannot tell, as for a program of the user's. */
  readonly usage: Usage | null;
  readonly turns: number;
  /** The runner's own words, or what its program printed: untrusted data. */
  readonly summary: string;
}

/** A claim, never trusted: the run checks the work itself. */
export type Outcome = Ended &
  (
    | { readonly status: "done"; readonly result: JobResult }
    | { readonly status: "gave_up" }
    | { readonly status: "failed"; readonly error: ErrorAnswer }
    | { readonly status: "budget"; readonly limit: "tokens" | "usd" | "wall" | "turns" }
    | { readonly status: "cancelled" }
  );

/** What can be watched while a job runs. Texts are the model's or a program's: untrusted data. */
export type RunnerEvent =
  | { readonly type: "turn"; readonly turn: number }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "tool"; readonly name: string; readonly ok: boolean; readonly summary: string }
  | { readonly type: "retry"; readonly reason: string; readonly waitMs: number }
  | { readonly type: "usage"; readonly usage: Usage }
  | { readonly type: "output"; readonly stream: "stdout" | "stderr"; readonly text: string };

export interface RunnerTools {
  /** Null where the role gets no hands. */
  readonly workspace: Workspace | null;
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunnerEvent) => void;
}

/** Fills a role. `run` never rejects for anything a model, a program or a network can do: that is an outcome. */
export interface Runner {
  readonly name: string;
  /** Where its changes come to lie; absent means the sandbox behind its workspace. */
  readonly worksIn?: "worktree";
  run(job: Job, tools: RunnerTools): Promise<Outcome>;
}
