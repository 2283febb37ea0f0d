import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command } from "../../../kernel/io.ts";
import type { Memory } from "../domain/memory.ts";
import type { ExportedEntity, ExportedRelation, MemoryTx } from "../store/port.ts";
import type { MemoryStore } from "../store/sqlite.ts";
import { entityLine, memoryLine, relationLine } from "../store/transfer-line.ts";
import { openStore } from "./open-store.ts";

const HELP = `slipway memory export [--format jsonl|markdown] [--home DIR] > FILE

Writes current memories, entities and relations to stdout, in an order that keeps differences small. JSONL can be
imported again, and its entities and relations by @modelcontextprotocol/server-memory. What came from indexed sources
is left out: index_codebase makes it again.`;

interface Format {
  readonly memory: (memory: Memory) => string;
  readonly entity: (entity: ExportedEntity) => string;
  readonly relation: (relation: ExportedRelation) => string;
}

const FORMATS: ReadonlyMap<string, Format> = new Map([
  ["jsonl", { memory: memoryLine, entity: entityLine, relation: relationLine }],
  [
    "markdown",
    {
      memory: ({ id, kind, title, text, source, tags }) =>
        [
          `## ${title ?? id}\n`,
          `- ${[kind, id, source?.path ?? source?.uri, ...tags].filter((one) => one !== undefined).join(", ")}\n`,
          `${text.trimEnd()}\n`,
        ].join("\n"),
      entity: ({ name, type, observations }) =>
        [
          `## ${name} (${type})\n`,
          ...observations.map((one) => `- ${one.replaceAll("\n", "\n  ")}`),
          "",
        ].join("\n"),
      relation: ({ from, type, to }) => `- ${from} ${type} ${to}`,
    },
  ],
]);

const PAGE = 500;

export const memoryExportCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    { home: { type: "string" }, format: { type: "string" }, help: { type: "boolean", short: "h" } },
    0,
  );
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const format = FORMATS.get(flags.text("format") ?? "jsonl");
  if (format === undefined)
    throw new DomainError("invalid", `--format takes ${[...FORMATS.keys()].join(" or ")}`, {
      hint: "see --help",
    });
  const store = openStore(flags, io, false);
  try {
    const memories = await each(
      store,
      (tx, n) => tx.memoriesAfter(n, PAGE),
      ({ memory }) => io.out(format.memory(memory)),
    );
    const entities = await each(
      store,
      (tx, n) => tx.entitiesAfter(n, PAGE),
      (one) => io.out(format.entity(one)),
    );
    const relations = await each(
      store,
      (tx, n) => tx.relationsAfter(n, PAGE),
      (one) => io.out(format.relation(one)),
    );
    io.err(`${memories} memories, ${entities} entities, ${relations} relations`);
    return EXIT.done;
  } finally {
    store.close();
  }
};

async function each<T extends { readonly n: number }>(
  store: MemoryStore,
  page: (tx: MemoryTx, after: number) => Promise<readonly T[]>,
  show: (one: T) => void,
): Promise<number> {
  let count = 0;
  for (let last = 0; ;) {
    const found = await store.read((tx) => page(tx, last));
    for (const one of found) show(one);
    count += found.length;
    if (found.length < PAGE) return count;
    last = found.at(-1)?.n ?? last;
  }
}
