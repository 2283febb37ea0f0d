import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import type { TasksDeps } from "../deps.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { agentAnswer } from "./agent-answer.ts";
import { maxTokensInput } from "./answer.ts";
import { fitList } from "./fit.ts";
import { orElse, whole } from "../../../kernel/mcp/input.ts";

export const listAgents = defineTool({
  name: "list_agents",
  title: "List agents",
  description:
    "Lists registered agents with health (active, idle, lost, retired) and how many tasks they hold.",
  input: z.object({
    limit: orElse(whole(1, 500), () => 200),
    cursor: z.string().optional(),
    max_tokens: maxTokensInput,
  }),
  output: z.object({ agents: z.array(z.looseObject({})), next_cursor: z.string().optional() }),
  annotations: READS,
  async run({ limit, cursor, max_tokens }, { store, clock }: TasksDeps, call) {
    const now = clock();
    await settleBeforeReading(store, call, now);
    const found = await store.read((tx) => tx.agents(cursor ?? "", limit + 1));
    const agents = found.slice(0, limit).map(({ agent, load }) => agentAnswer(agent, load, now));
    // The first goes out whatever it costs, or a reader with a small budget would never get past it.
    const taken = agents.slice(0, Math.max(1, fitList(agents, max_tokens - ROOM).length));
    const last = found[taken.length - 1]?.agent.name;
    return {
      agents: taken,
      ...(taken.length < found.length && last !== undefined ? { next_cursor: last } : {}),
    };
  },
});

/** What stands around the agents; a name may be long, and stands there twice. */
const ROOM = 90;
