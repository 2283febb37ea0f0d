import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { EVENT_TYPES } from "../../../kernel/event-types.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import type { TasksDeps } from "../deps.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { maxTokensInput } from "./answer.ts";
import { cost, fitFields, fitList } from "./fit.ts";
import { orElse, whole, word } from "../../../kernel/mcp/input.ts";

/** How often a waiting reader looks for what other processes wrote. */
const POLL_MS = 100;

export const readTaskEvents = defineTool({
  name: "read_events",
  title: "Read task events",
  description:
    "Reads what happened in the queue, in order; wait_ms waits for the next event. Pass next_cursor as after: nothing is lost or seen twice.",
  input: z.object({
    after: orElse(whole(0, Number.MAX_SAFE_INTEGER), () => 0),
    // Of every server: whoever follows several of them asks each for the same types.
    types: z.array(word(EVENT_TYPES)).optional(),
    limit: orElse(whole(1, 1_000), () => 100),
    wait_ms: orElse(whole(0, 45_000), () => 0),
    max_tokens: maxTokensInput,
  }),
  output: z.object({ events: z.array(z.looseObject({})), next_cursor: z.int() }),
  annotations: READS,
  async run({ after, types, limit, wait_ms, max_tokens }, { store, clock }: TasksDeps, call) {
    let from = after;
    // Waiting is counted, not timed: a clock that is set back must not keep a reader for an hour.
    for (let waited = 0; ; waited += POLL_MS) {
      await settleBeforeReading(store, call, clock());
      // Taken before the events are read: up to here nothing can come later, so a filtered reader may move on.
      const head = await store.read((tx) => tx.lastEvent());
      const found = await store.events({ after: from, types, limit });
      if (found.length > 0 || waited >= wait_ms || call.signal.aborted) {
        const events = found.map(({ prev_hash: _previous, ...event }) => fitEvent(event, max_tokens - ROOM));
        // The first goes out whatever it costs, or a reader with a small budget would never get past it.
        const taken = events.slice(0, Math.max(1, fitList(events, max_tokens - ROOM).length));
        const isAll = found.length < limit && taken.length === found.length;
        const last = taken.at(-1)?.seq ?? from;
        return { events: [...taken], next_cursor: isAll ? Math.max(head, last) : last };
      }
      from = Math.max(from, head);
      await sleep(Math.min(POLL_MS, wait_ms - waited));
    }
  },
});

/** What stands around the events. */
const ROOM = 40;

/** An event whose data alone would burst the answer gives up its longest texts, never its place. */
function fitEvent<E extends { readonly data: Readonly<Record<string, unknown>> }>(
  event: E,
  maxTokens: number,
): E {
  const room = maxTokens - cost({ ...event, data: {} });
  if (cost(event.data) <= room) return event;
  const longestFirst = Object.keys(event.data).sort((a, b) => cost(event.data[b]) - cost(event.data[a]));
  const data = fitFields(event.data, longestFirst, room - 10);
  return { ...event, data: cost(data) <= room ? data : {} };
}
