import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { registered } from "../domain/agent.ts";
import { EVERYBODY } from "../domain/message.ts";
import type { TasksDeps } from "../deps.ts";
import { agentAnswer } from "./agent-answer.ts";
import { agentInput, idempotencyKey } from "./answer.ts";
import { boundedList, text, whole } from "../../../kernel/mcp/input.ts";

export const registerAgent = defineTool({
  name: "register_agent",
  title: "Register an agent",
  description: "Tells who works here, what it can do and how many tasks it may hold. What is left out stays.",
  input: z.object({
    name: agentInput,
    role: text(100, 1).optional(),
    capabilities: boundedList(text(100), 50).optional(),
    max_concurrent: whole(1, 10_000).optional(),
    retire: z.boolean().optional().describe("gets no more tasks"),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({ agent: z.looseObject({}) }),
  annotations: WRITES,
  run({ name, role, capabilities, max_concurrent, retire }, { store, clock }: TasksDeps, call) {
    if (name === EVERYBODY)
      throw new DomainError("invalid", `"${EVERYBODY}" is what messages to everybody are sent to`, {
        hint: "choose another name",
      });
    return store.answer(call, async (tx) => {
      const now = clock();
      const agent = registered(
        await tx.findAgent(name),
        { name, role, capabilities, maxConcurrent: max_concurrent, retire: retire === true },
        now,
      );
      await tx.saveAgent(agent);
      tx.emit("agent.registered", name, {
        role: agent.role,
        capabilities: agent.capabilities,
        max_concurrent: agent.maxConcurrent,
        retired: agent.isRetired,
      });
      return { agent: agentAnswer(agent, await tx.loadOf(name), now) };
    });
  },
});
