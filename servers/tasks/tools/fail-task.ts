import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { clipText } from "../../../kernel/text.ts";
import { FAILURE_KINDS } from "../domain/task.ts";
import { failed } from "../domain/transitions.ts";
import type { TasksDeps } from "../deps.ts";
import { saveAndSettle } from "../store/upkeep.ts";
import { idempotencyKey, mustHold, tokenInput, usageInput } from "./answer.ts";
import { closed, orElse, text } from "./input.ts";

export const failTask = defineTool({
  name: "fail_task",
  title: "Fail a task",
  description:
    "Ends your attempt as failed. It is tried again after a growing pause until max_attempts; then it is dead.",
  input: z.object({
    token: tokenInput,
    error: closed({
      message: text(4_000, 1),
      kind: orElse(z.enum(FAILURE_KINDS), () => "worker" as const),
      log: orElse(text(100_000), () => ""),
    }),
    retryable: orElse(z.boolean(), () => true),
    usage: usageInput,
    idempotency_key: idempotencyKey,
  }),
  output: z.object({ status: z.string(), retry_at: z.string().optional() }),
  annotations: WRITES,
  core: true,
  run({ token, error, retryable, usage }, { store, clock, random }: TasksDeps, call) {
    return store.answer(call, async (tx) => {
      const now = clock();
      const held = await mustHold(tx, token, now);
      const task = failed(held, error, retryable, usage, now, random());
      tx.emit("task.failed", task.id, {
        kind: error.kind,
        message: clipText(error.message, 1_000),
        attempt: task.attempt,
        retryable,
        status: task.status,
      });
      await saveAndSettle(tx, held, task, now);
      return {
        status: task.status,
        ...(task.status === "scheduled" && task.notBefore !== null
          ? { retry_at: toIso(task.notBefore) }
          : {}),
      };
    });
  },
});
