import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { EventType } from "../../../kernel/event-types.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { fitItems } from "../../../kernel/tokens.ts";
import type { TasksDeps } from "../server.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { maxTokensInput } from "./answer.ts";

const TYPES = [
  "task.added",
  "task.ready",
  "task.claimed",
  "task.progress",
  "task.completed",
  "task.failed",
  "task.released",
  "task.expired",
  "task.reviewed",
  "task.cancelled",
  "task.dead",
  "agent.registered",
  "agent.lost",
  "message.sent",
  "milestone.changed",
  "budget.reserved",
  "budget.settled",
  "budget.exhausted",
] as const satisfies readonly EventType[];

/** How often a waiting reader looks for what other processes wrote. */
const POLL_MS = 100;

export const readTaskEvents = defineTool({
  name: "read_events",
  title: "Read task events",
  description: "Reads what happened in the queue after a sequence number, in order. With wait_ms it waits for the next event.",
  input: z.object({
    after: z.int().min(0).default(0),
    types: z.array(z.enum(TYPES)).optional(),
    limit: z.int().min(1).max(1_000).default(100),
    wait_ms: z.int().min(0).max(45_000).default(0),
    max_tokens: maxTokensInput,
  }),
  output: z.object({ events: z.array(z.looseObject({ seq: z.int() })), next_cursor: z.int() }),
  annotations: READS,
  async run({ after, types, limit, wait_ms, max_tokens }, { store, clock }: TasksDeps, call) {
    const until = clock() + wait_ms;
    for (;;) {
      await settleBeforeReading(store, call, clock());
      const found = await store.events({ after, types, limit });
      if (found.length > 0 || clock() >= until || call.signal.aborted) {
        const { taken } = fitItems(found.map(({ prev_hash: _previous, ...event }) => event), max_tokens);
        return { events: [...taken], next_cursor: taken.at(-1)?.seq ?? after };
      }
      await sleep(POLL_MS);
    }
  },
});
