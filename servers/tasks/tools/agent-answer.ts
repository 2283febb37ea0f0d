import { toIso } from "../../../kernel/clock.ts";
import { healthOf, type Agent } from "../domain/agent.ts";
import { fitFields } from "./fit.ts";

/** What one agent may cost in an answer. */
const AGENT_TOKENS = 150;

/** An agent as an answer shows it: who, how it is, and what it holds. */
export function agentAnswer(agent: Agent, load: number, now: number): Record<string, unknown> {
  const shown = {
    name: agent.name,
    health: healthOf(agent, load, now),
    load,
    ...(agent.maxConcurrent === null ? {} : { max_concurrent: agent.maxConcurrent }),
    ...(agent.role === null ? {} : { role: agent.role }),
    ...(agent.capabilities.length === 0 ? {} : { capabilities: agent.capabilities }),
    last_call_at: toIso(agent.lastCallAt),
  };
  return fitFields(shown, ["capabilities", "role"], AGENT_TOKENS);
}
