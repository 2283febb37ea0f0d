import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { addressesOf, type Message } from "../domain/message.ts";
import type { TasksDeps } from "../deps.ts";
import { agentInput, idempotencyKey, maxTokensInput } from "./answer.ts";
import { fitFields, fitList } from "./fit.ts";
import { orElse, whole } from "../../../kernel/mcp/input.ts";

/** What stands around the messages. */
const ROOM = 30;

export const readMessages = defineTool({
  name: "read_messages",
  title: "Read messages",
  description: "Gives an agent its unread messages in order, each once; after reads again from that seq.",
  input: z.object({
    agent: agentInput,
    after: z.int().optional(),
    limit: orElse(whole(1, 500), () => 100),
    cursor: z.int().optional(),
    max_tokens: maxTokensInput,
    idempotency_key: idempotencyKey,
  }),
  output: z.object({ messages: z.array(z.looseObject({})), next_cursor: z.int().optional() }),
  annotations: WRITES,
  run({ agent, after, limit, cursor, max_tokens }, { store, clock }: TasksDeps, call) {
    return store.answer(
      call,
      async (tx) => {
        await tx.noteCall(agent, clock());
        const role = (await tx.findAgent(agent))?.role ?? null;
        const found = await tx.messages({
          reader: agent,
          addresses: addressesOf(agent, role),
          after: cursor ?? after ?? (await tx.messageCursor(agent)),
          limit: limit + 1,
        });
        const room = max_tokens - ROOM;
        const shown = found.slice(0, limit).map((message) => messageAnswer(message, room));
        // The first goes out whatever it costs, or a reader with a small budget would never get past it.
        const messages = shown.slice(0, Math.max(1, fitList(shown, room).length));
        const last = found[messages.length - 1]?.seq;
        // No further: what was sent meanwhile to a role is for whoever takes that role later.
        if (last !== undefined) await tx.moveMessageCursor(agent, last);
        return { messages, ...(messages.length < found.length ? { next_cursor: last } : {}) };
      },
      ({ messages }) => messages.length > 0,
    );
  },
});

function messageAnswer(message: Message, maxTokens: number): Record<string, unknown> {
  const { seq, from, to, text, taskId, at } = message;
  const shown = { seq, from, to, at: toIso(at), ...(taskId === null ? {} : { task_id: taskId }), text };
  return fitFields(shown, ["text", "to", "from"], maxTokens - 1);
}
