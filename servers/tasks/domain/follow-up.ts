import { isSpent, NOTHING_SPENT, type Budget } from "./budget.ts";
import { newTask } from "./new-task.ts";
import { attemptsLeft, type FailureKind, type Task, type TaskFailure, type TaskSpec } from "./task.ts";

/** What a failure can become: a validation failure a fix with its log, an integration conflict a merge. */
export const FOLLOW_UPS = { validation: "fix", integration: "merge" } as const satisfies Partial<
  Record<FailureKind, string>
>;

export type FollowUpKind = keyof typeof FOLLOW_UPS;

export function hasFollowUp(kind: FailureKind): kind is FollowUpKind {
  return kind in FOLLOW_UPS;
}

/** What the worker of a follow-up task is told, as its `context`. Logs are data of others. */
export interface FollowUpContext {
  readonly failed_task: string;
  readonly attempt: number;
  readonly error: string;
  readonly log: string;
  readonly checkpoint: unknown;
}

/** The most of a log that goes along, in characters from its end. */
const LOG_CHARS = 20_000;

/**
 * The task that mends a failure before the failed one is tried again. It lives on a share of the failed task's budget,
 * which is taken from it: no lifetime budget grows by it. What mends has no follow-up itself, so that a failure never
 * breeds a chain; null then, and where too little is left.
 *
 * @param failed the task after its attempt was settled
 */
export function followUp(
  failed: Task,
  { message, log, kind }: TaskFailure & { readonly kind: FollowUpKind },
  id: string,
  now: number,
): { readonly task: Task; readonly rest: Budget } | null {
  const share = shareOf(failed);
  if (failed.followsUp !== null || isSpent(share, NOTHING_SPENT)) return null;
  const context: FollowUpContext = {
    failed_task: failed.id,
    attempt: failed.attempt,
    error: message,
    log: log.slice(-LOG_CHARS),
    checkpoint: failed.checkpoint,
  };
  return {
    rest: lessened(failed.budget, share),
    task: { ...newTask(specOf(failed, kind, share, context), id, [], now), followsUp: failed.id },
  };
}

function specOf(failed: Task, kind: FollowUpKind, budget: Budget, context: FollowUpContext): TaskSpec {
  return {
    ...failed,
    ref: null,
    title: `${kind === "validation" ? "Fix" : "Merge"}: ${failed.title}`.slice(0, 500),
    description:
      kind === "validation"
        ? "An attempt at the failed task did not pass its checks. Find out why from the log and mend it; the failed task is tried again afterwards."
        : "The work of the failed task could not be integrated. Bring it together with what it meets; the failed task is tried again afterwards.",
    type: FOLLOW_UPS[kind],
    budget,
    acceptance: [],
    context,
    parent: failed.id,
    assignee: null,
    notBefore: null,
  };
}

/** Half of what each attempt left could spend. */
function shareOf(task: Task): Budget {
  const { budget, spent } = task;
  const part = 2 * attemptsLeft(task);
  return {
    ...(budget.tokens === undefined ? {} : { tokens: Math.floor((budget.tokens - spent.tokens) / part) }),
    ...(budget.usd === undefined ? {} : { usd: (budget.usd - spent.usd) / part }),
    ...(budget.wall_s === undefined
      ? {}
      : { wall_s: Math.floor(((budget.wall_s - spent.wall_s) / part) * 1_000) / 1_000 }),
  };
}

function lessened(budget: Budget, share: Budget): Budget {
  return {
    ...(budget.tokens === undefined ? {} : { tokens: budget.tokens - (share.tokens ?? 0) }),
    ...(budget.usd === undefined ? {} : { usd: budget.usd - (share.usd ?? 0) }),
    ...(budget.wall_s === undefined ? {} : { wall_s: budget.wall_s - (share.wall_s ?? 0) }),
  };
}
