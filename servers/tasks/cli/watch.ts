import { setTimeout as pause } from "node:timers/promises";
import type { EventRecord } from "../../../kernel/events.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command } from "../../../kernel/io.ts";
import type { TaskTx } from "../store/task-store.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { COMMON, withQueue } from "./queue.ts";
import { eventLine, type Told } from "./watch-line.ts";
import { livePicture, lookAtQueue } from "./watch-live.ts";

const HELP = `slipway tasks watch [--after SEQ] [--json] [--home DIR]

Shows what happens in the queue until it is interrupted (Ctrl-C, exit 130). At a terminal: a picture of the queue that
is drawn again with every change. Elsewhere: one line for each event. Servers and agents work on meanwhile.

  --after SEQ  also what happened after this event; 0 begins at the first one
  --json       one event a line as JSON; its seq is what --after takes
  --home DIR   state folder`;

const POLL_MS = 200;
const PAGE = 500;

/** `slipway tasks watch`. */
export const watchCommand: Command = async (argv, io) => {
  const flags = parseFlags(argv, { ...COMMON, after: { type: "string" } }, 0);
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const isJson = flags.has("json");
  const from = flags.int("after", 0, Number.MAX_SAFE_INTEGER);
  return withQueue(flags, io, async ({ deps: { store, clock }, call }) => {
    const picture = isJson || io.terminal === undefined ? undefined : livePicture(io.terminal);
    let after = from ?? (await store.read((tx) => tx.lastEvent()));
    if (picture === undefined && !isJson) io.err(`watching from event ${after}; Ctrl-C ends it`);
    while (!io.signal.aborted) {
      await settleBeforeReading(store, call, clock());
      const events = await store.events({ after, limit: PAGE });
      after = events.at(-1)?.seq ?? after;
      if (isJson) for (const event of events) io.out(JSON.stringify(event));
      else {
        const told = await store.read((tx) => withTitles(tx, events));
        if (picture === undefined) for (const each of told) io.out(eventLine(each));
        else picture.draw(await store.read(lookAtQueue), told, clock());
      }
      if (events.length < PAGE) await pause(POLL_MS, undefined, { signal: io.signal }).catch(() => undefined);
    }
    picture?.end();
    return EXIT.interrupted;
  });
};

async function withTitles(tx: TaskTx, events: readonly EventRecord[]): Promise<readonly Told[]> {
  const told: Told[] = [];
  for (const event of events) told.push({ event, title: (await tx.find(event.subject))?.title });
  return told;
}
