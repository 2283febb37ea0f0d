import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { clipText } from "../../../kernel/text.ts";
import { FOLLOW_UPS, followUp, hasFollowUp } from "../domain/follow-up.ts";
import { FAILURE_KINDS, isFinished, type Task, type TaskFailure } from "../domain/task.ts";
import { failed } from "../domain/attempt.ts";
import type { TasksDeps } from "../deps.ts";
import type { TaskEmit, TaskTx } from "../store/task-store.ts";
import { saveAndSettle } from "../store/upkeep.ts";
import { idempotencyKey, mustHold, tokenInput, usageInput } from "./answer.ts";
import { closed, orElse, text } from "../../../kernel/mcp/input.ts";
import { rewire } from "./rewire.ts";

/** Characters that are kept of an error, its beginning and its end. */
const MOST_MESSAGE = 4_000;
const MOST_LOG = 100_000;

export const failTask = defineTool({
  name: "fail_task",
  title: "Fail a task",
  description:
    "Ends your attempt as failed. It is tried again after a growing pause until attempts or budget are spent: then it is dead.",
  input: z.object({
    token: tokenInput,
    error: closed({
      message: text(1_000_000, 1),
      kind: orElse(z.enum(FAILURE_KINDS), () => "worker" as const),
      log: orElse(text(10_000_000), () => ""),
    }),
    retryable: orElse(z.boolean(), () => true),
    follow_up: orElse(z.boolean(), () => false).describe("first a task that fixes or merges"),
    usage: usageInput,
    idempotency_key: idempotencyKey,
  }),
  output: z.object({ status: z.string(), retry_at: z.string().optional(), follow_up: z.string().optional() }),
  annotations: WRITES,
  core: true,
  run({ token, error, retryable, follow_up, usage }, { store, clock, random, newId }: TasksDeps, call) {
    // An attempt must be able to end whatever its tools printed: what is too long is cut, and not refused.
    const failure = {
      message: clipText(error.message, MOST_MESSAGE),
      kind: error.kind,
      log: clipText(error.log, MOST_LOG),
    };
    if (follow_up && !hasFollowUp(failure.kind)) {
      throw new DomainError("invalid", `a ${failure.kind} failure has no follow-up task`, {
        hint: `follow_up goes with kind ${Object.keys(FOLLOW_UPS).join(" or ")}`,
      });
    }
    return store.answer(call, async (tx) => {
      const now = clock();
      const held = await mustHold(tx, token, now);
      const ended = failed(held, failure, retryable, usage, now, random());
      const mending = follow_up ? await addFollowUp(tx, ended, failure, newId("tsk"), now) : null;
      const task = mending?.failed ?? ended;
      tx.emit("task.failed", task.id, {
        kind: failure.kind,
        message: clipText(failure.message, 1_000),
        attempt: task.attempt,
        retryable,
        status: task.status,
        follow_up: mending?.id,
      });
      await saveAndSettle(tx, held, task, now);
      return {
        status: task.status,
        ...(task.status === "scheduled" && task.notBefore !== null
          ? { retry_at: toIso(task.notBefore) }
          : {}),
        ...(mending === null ? {} : { follow_up: mending.id }),
      };
    });
  },
});

/** Adds the task that mends a failure, and makes the failed one wait for it; null where none may be. */
async function addFollowUp(
  tx: TaskTx & { readonly emit: TaskEmit },
  ended: Task,
  failure: TaskFailure,
  id: string,
  now: number,
): Promise<{ readonly id: string; readonly failed: Task } | null> {
  const { kind } = failure;
  if (isFinished(ended.status) || !hasFollowUp(kind)) return null;
  const mending = followUp(ended, { ...failure, kind }, id, now);
  if (mending === null) return null;
  await tx.add(mending.task, []);
  tx.emit("task.added", id, {
    title: mending.task.title,
    status: mending.task.status,
    follows_up: ended.id,
  });
  tx.emit("task.ready", id, {});
  const waiting = await rewire(tx, ended, [{ task: id, on: "success" }], [], now);
  return { id, failed: { ...waiting, budget: mending.rest } };
}
