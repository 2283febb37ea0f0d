import { z } from "zod";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { clipText } from "../../../kernel/text.ts";
import { released } from "../domain/attempt.ts";
import type { TasksDeps } from "../deps.ts";
import { saveAndSettle } from "../store/upkeep.ts";
import { idempotencyKey, mustHold, refuseLarge, tokenInput } from "./answer.ts";
import { text } from "../../../kernel/mcp/input.ts";

export const releaseTask = defineTool({
  name: "release_task",
  title: "Release a task",
  description:
    "Gives a task back unfinished, with note and checkpoint for the next. The attempt does not count.",
  input: z.object({
    token: tokenInput,
    note: text(4_000).optional(),
    checkpoint: z.json().optional(),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({ status: z.string() }),
  annotations: WRITES,
  run({ token, note, checkpoint }, { store, clock }: TasksDeps, call) {
    refuseLarge("checkpoint", checkpoint);
    return store.answer(call, async (tx) => {
      const now = clock();
      const held = await mustHold(tx, token, now);
      const task = released(held, note, checkpoint, now);
      tx.emit("task.released", task.id, {
        agent: held.claim?.agent ?? null,
        attempt: task.attempt,
        note: note === undefined ? undefined : clipText(note, 1_000),
        status: task.status,
      });
      await saveAndSettle(tx, held, task, now);
      return { status: task.status };
    });
  },
});
