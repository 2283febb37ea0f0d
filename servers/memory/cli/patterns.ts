import { systemClock } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import type { EventRecord } from "../../../kernel/events.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command, type Io } from "../../../kernel/io.ts";
import { cleanText } from "../../../kernel/text.ts";
import { alikeAmong } from "../domain/alike.ts";
import type { Memory } from "../domain/memory.ts";
import { mergePatterns, separatePatterns } from "../store/merge-patterns.ts";
import type { MemoryStore } from "../store/sqlite.ts";
import { openStore } from "./open-store.ts";

const HELP = `slipway memory patterns [merge KEPT OTHER | separate OTHER] [--home DIR]

Lists pairs of patterns that say nearly the same: how alike they are, and the id and first line of each. merge ends
OTHER in favour of KEPT, which takes over how often it worked; separate takes that back. Nothing is merged by itself.`;

const WRITER = { principal: { id: "slipway memory patterns" }, once: undefined };
const PAGE = 500;
/** Pairs shown. */
const MOST = 100;
const LINE = 80;

/** `slipway memory patterns`: one line on stdout for each pair. */
export const memoryPatternsCommand: Command = async (argv, io) => {
  const flags = parseFlags(argv, { home: { type: "string" }, help: { type: "boolean", short: "h" } }, 3);
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const [verb, first, second] = flags.words;
  const store = openStore(flags, io, false);
  try {
    if (verb === undefined) await list(store, io);
    else if (verb === "merge" && first !== undefined && second !== undefined) {
      await store.write(WRITER, (tx) => mergePatterns(first, second, tx));
      io.err(`${second} is merged into ${first}; slipway memory patterns separate ${second} takes it back`);
    } else if (verb === "separate" && first !== undefined && second === undefined) {
      await separate(store, first);
      io.err(`${first} holds again`);
    } else
      throw new DomainError("invalid", "what is to be done is not clear", {
        hint: "slipway memory patterns, … merge KEPT OTHER, or … separate OTHER",
      });
    return EXIT.done;
  } finally {
    store.close();
  }
};

async function list(store: MemoryStore, io: Io): Promise<void> {
  const patterns: Memory[] = [];
  const now = systemClock();
  for (let last = 0, read = PAGE; read === PAGE;) {
    const page = await store.read((tx) => tx.memoriesAfter(last, PAGE, "pattern"));
    for (const { memory } of page)
      if (memory.supersededBy === undefined && (memory.endsAt === undefined || memory.endsAt > now))
        patterns.push(memory);
    read = page.length;
    last = page.at(-1)?.n ?? last;
  }
  const pairs = alikeAmong(patterns);
  for (const { first, second, likeness } of pairs.slice(0, MOST))
    io.out(`${likeness.toFixed(2)}  ${first.id} ${lineOf(first)}  ${second.id} ${lineOf(second)}`);
  const more = pairs.length > MOST ? `, the first ${MOST} shown` : "";
  io.err(`${patterns.length} patterns, ${pairs.length} pairs nearly the same${more}`);
}

async function separate(store: MemoryStore, id: string): Promise<void> {
  const types = ["pattern.merged", "pattern.separated"] as const;
  const events: EventRecord[] = [];
  for (let after = 0, read = PAGE; read === PAGE;) {
    const page = await store.events({ after, limit: PAGE, types, subject: id });
    events.push(...page);
    read = page.length;
    after = page.at(-1)?.seq ?? after;
  }
  const now = systemClock();
  await store.write(WRITER, (tx) =>
    separatePatterns(id, events, tx, { principal: WRITER.principal.id, now }),
  );
}

function lineOf({ title, text }: Memory): string {
  const line = cleanText(title ?? text).replaceAll(/\s+/g, " ");
  return JSON.stringify(line.length <= LINE ? line : `${line.slice(0, LINE - 1).toWellFormed()}…`);
}
