import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { oneLine } from "../../../kernel/text.ts";
import { fitText } from "../../../kernel/tokens.ts";
import { MOST } from "../domain/budget.ts";
import type { Orphan } from "../domain/orphan.ts";
import type { Task } from "../domain/task.ts";
import type { TaskEmit, TaskTx } from "../store/task-store.ts";
import { settleExpired } from "../store/upkeep.ts";
import { fitFields, fitList } from "./fit.ts";
import { amount, orElse, text, whole } from "../../../kernel/mcp/input.ts";

/** Arguments that several tools share, described once. */
export const idempotencyKey = text(200, 1).optional();
// A name that is not well-formed would be stored as another one: the store keeps UTF-8.
export const agentInput = text(100, 1).overwrite((name) => name.toWellFormed());
/** Of the claim. */
export const tokenInput = z.string();
const usage = z.object({
  tokens: orElse(amount(0, MOST.tokens), () => 0),
  usd: orElse(amount(0, MOST.usd), () => 0),
});
/** Of the whole attempt so far. */
export const usageInput = z.unknown().pipe(usage).optional().describe("{tokens, usd} so far");
export const maxTokensInput = orElse(whole(200, 20_000), () => 2_000);

/** How many results that came too late an answer shows, the latest first. */
export const SHOWN_ORPHANS = 3;

/** A task as an answer shows it. */
export interface TaskAnswer {
  id: string;
  [field: string]: unknown;
}

/** A task in one line of a list. */
export function taskSummary(task: Task): TaskAnswer {
  const summary = {
    id: task.id,
    ...(task.ref === null ? {} : { ref: task.ref }),
    title: fitText(task.title, 60).text,
    status: task.status,
    priority: task.priority,
    ...(task.type === "task" ? {} : { type: task.type }),
    ...(task.claim === null ? {} : { agent: task.claim.agent, lease_until: toIso(task.claim.expiresAt) }),
    ...(task.claim?.cancelRequested === true ? { cancel_requested: true } : {}),
    ...(task.openDeps === 0 ? {} : { open_dependencies: task.openDeps }),
    attempt: task.attempt,
    progress: task.progress,
  };
  return { ...fitFields(summary, ["ref", "agent", "type", "title"], SUMMARY_TOKENS), id: task.id };
}

/** What one line of a list may cost, so that even the smallest budget holds one. */
const SUMMARY_TOKENS = 150;

/** Everything known about a task; absent where there is nothing to say, cut where the budget ends. */
export function taskDetail(task: Task, maxTokens: number, orphans: readonly Orphan[] = []): TaskAnswer {
  const detail = withoutEmpty({
    ...taskSummary(task),
    ref: task.ref,
    agent: task.claim?.agent,
    title: task.title,
    type: task.type,
    truncated: undefined,
    description: task.description,
    max_attempts: task.maxAttempts,
    excused_attempts: task.excused === 0 ? null : task.excused,
    capabilities: task.capabilities,
    paths: task.paths,
    complexity: task.complexity,
    estimate_s: task.estimateS,
    budget: task.budget,
    acceptance: task.acceptance,
    context: task.context,
    tools: task.tools,
    milestone: task.milestone,
    parent: task.parent,
    assignee: task.assignee,
    worker: task.worker,
    not_before: task.notBefore === null ? null : toIso(task.notBefore),
    checkpoint: task.checkpoint,
    notes: task.notes,
    output: task.output,
    artifacts: task.artifacts,
    orphans: orphans.map(({ at, ...orphan }) => withoutEmpty({ ...orphan, at: toIso(at) })),
    verified: task.verified,
    usage: task.usage.tokens === 0 && task.usage.usd === 0 ? null : task.usage,
    spent: task.spent.tokens === 0 && task.spent.usd === 0 && task.spent.wall_s === 0 ? null : task.spent,
    follows_up: task.followsUp,
    error: task.failure,
    version: task.version,
    created_at: toIso(task.createdAt),
    updated_at: toIso(task.updatedAt),
  });
  return { ...fitFields(detail, GIVES_WAY, maxTokens), id: task.id };
}

/** The fields that may be long or can be done without, in the order in which they give way. */
const GIVES_WAY = [
  "orphans",
  "output",
  "context",
  "checkpoint",
  "notes",
  "error",
  "artifacts",
  "description",
  "acceptance",
  "paths",
  "tools",
  "capabilities",
  "created_at",
  "updated_at",
  "usage",
  "spent",
  "budget",
  "follows_up",
  "estimate_s",
  "complexity",
  "not_before",
  "worker",
  "assignee",
  "parent",
  "milestone",
  "ref",
  "agent",
  "lease_until",
  "type",
  "title",
];

/** The ids that fit into an answer, and how many there were where some did not. */
export function unblockedAnswer(ids: readonly string[]): { unblocked: string[]; unblocked_count?: number } {
  const shown = fitList(ids, 1_000);
  return { unblocked: [...shown], ...(shown.length === ids.length ? {} : { unblocked_count: ids.length }) };
}

/** Free JSON that a task carries; stored whole, so it has a bound. */
export const MAX_JSON_BYTES = 200_000;

/** @throws {DomainError} limit */
export function refuseLarge(name: string, value: unknown): void {
  if (value === undefined || Buffer.byteLength(JSON.stringify(value)) <= MAX_JSON_BYTES) return;
  throw new DomainError("limit", `${name} is larger than ${MAX_JSON_BYTES} bytes`, {
    hint: "put it into a file or a memory, and name that here",
  });
}

function withoutEmpty(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => {
      if (value === null || value === undefined || value === "") return false;
      if (Array.isArray(value)) return value.length > 0;
      return typeof value !== "object" || Object.keys(value).length > 0;
    }),
  );
}

/** @throws {DomainError} not_found */
export async function mustFind(tx: TaskTx, id: string): Promise<Task> {
  const task = await tx.find(id);
  if (task === undefined)
    throw new DomainError("not_found", `there is no task ${oneLine(id, 60)}`, {
      hint: "list_tasks shows what there is",
    });
  return task;
}

/**
 * The running task a token holds, noting that its holder called; undefined for a stale or unknown token. A lease that ran
 * out is over, whether or not anybody noticed before.
 */
export async function findHeld(tx: WritingTx, token: string, now: number): Promise<Task | undefined> {
  const task = await tx.findByToken(token);
  if (task?.claim == null) return undefined;
  await tx.noteCall(task.claim.agent, now);
  if (task.claim.expiresAt > now) return task;
  await settleExpired(tx, task, now);
  return undefined;
}

type WritingTx = TaskTx & { readonly emit: TaskEmit };

/**
 * The same for a caller that cannot go on without.
 *
 * @throws {DomainError} conflict for a stale or unknown token.
 */
export async function mustHold(tx: WritingTx, token: string, now: number): Promise<Task> {
  const task = await findHeld(tx, token, now);
  if (task === undefined) throw staleToken();
  return task;
}

/** The refusal of a token that holds nothing; `orphanOf` names the task that the result was kept beside. */
export function staleToken(orphanOf?: string): DomainError {
  const kept = orphanOf === undefined ? "" : `; your result was kept beside ${orphanOf}, and not applied`;
  return new DomainError(
    "conflict",
    `this token holds no task: the lease ran out, or the task was finished, released or cancelled${kept}`,
    { hint: "drop this attempt; claim_task gives out the next one" },
  );
}
