import { z } from "zod";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { released } from "../domain/transitions.ts";
import type { TasksDeps } from "../server.ts";
import { saveAndSettle } from "../store/upkeep.ts";
import { idempotencyKey, mustHold, tokenInput } from "./answer.ts";

export const releaseTask = defineTool({
  name: "release_task",
  title: "Release a task",
  description: "Gives a task back unfinished, with a note and checkpoint for the next worker. The attempt does not count.",
  input: z.object({ token: tokenInput, note: z.string().max(4_000).optional(), checkpoint: z.json().optional(), idempotency_key: idempotencyKey }),
  output: z.object({ status: z.string() }),
  annotations: WRITES,
  run({ token, note, checkpoint }, { store, clock }: TasksDeps, call) {
    return store.answer(call, async (tx) => {
      const now = clock();
      const task = released(await mustHold(tx, token), note, checkpoint, now);
      tx.emit("task.released", task.id, { note });
      await saveAndSettle(tx, task, now);
      return { status: task.status };
    });
  },
});
