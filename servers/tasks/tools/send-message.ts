import { z } from "zod";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import type { TasksDeps } from "../deps.ts";
import { agentInput, idempotencyKey, mustFind } from "./answer.ts";
import { text } from "../../../kernel/mcp/input.ts";

export const sendMessage = defineTool({
  name: "send_message",
  title: "Send a message",
  description: "Leaves a message for an agent, for all of a role, or for all. read_messages gets it.",
  input: z.object({
    to: agentInput.describe('agent, role or "all"'),
    text: text(4_000, 1),
    from: agentInput.optional(),
    task_id: z.string().optional(),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({ seq: z.int() }),
  annotations: WRITES,
  run({ to, text: said, from, task_id }, { store, clock }: TasksDeps, call) {
    return store.answer(call, async (tx) => {
      const now = clock();
      if (task_id !== undefined) await mustFind(tx, task_id);
      const sender = from ?? call.principal.id;
      await tx.noteCall(sender, now);
      const seq = await tx.addMessage({
        from: sender,
        to,
        // As it will be read back: the store keeps UTF-8.
        text: said.toWellFormed(),
        taskId: task_id ?? null,
        at: now,
      });
      tx.emit("message.sent", to, { seq, from: sender, task_id });
      return { seq };
    });
  },
});
