import { existsSync } from "node:fs";
import { systemClock } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { findHome } from "../../../kernel/home.ts";
import { idSource } from "../../../kernel/ids.ts";
import { EXIT, type Command, type Io } from "../../../kernel/io.ts";
import { checkFile } from "../../../kernel/sqlite/check.ts";
import { checkVectors } from "../adapters/check-vectors.ts";
import { recallVectors } from "../adapters/recall-vectors.ts";
import { vectorIndexes } from "../adapters/vector-indexes.ts";
import { readMemoryConfig, type MemoryConfig } from "../config.ts";
import { checkSearch, type SearchCheck } from "../store/check-search.ts";
import { openMemoryStore, type MemoryStore } from "../store/sqlite.ts";

const HELP = `slipway memory check [--repair] [--home DIR]

Checks the store: pages, references, the chain of events, that search finds every record, and that Chroma, where it is
configured, finds every vector. --repair builds what does not find everything again from the records; servers may run
meanwhile. Exit 1 when something is wrong and stays so.`;

const REPAIRER = { principal: { id: "slipway memory check" }, once: undefined };

/** `slipway memory check`: one line on stdout for each problem. */
export const memoryCheckCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    { home: { type: "string" }, repair: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    0,
  );
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
  const config = readMemoryConfig({ home, env: io.env, cwd: io.cwd });
  const { database: path } = config;
  if (!existsSync(path)) {
    throw new DomainError("not_found", `there is no store ${path}`, {
      hint: "name the state folder with --home DIR, or bring a backup back: slipway memory restore",
    });
  }
  // The index can be built again from the records; all else only comes back from a backup.
  const problems = checkFile(path).filter((problem) => !isOfIndex(problem));
  for (const problem of problems) io.out(problem);
  if (problems.length > 0) {
    io.err(`${path}: ${problems.length} problems; \`slipway memory restore\` brings back the newest backup`);
    return EXIT.failed;
  }
  const store = openMemoryStore(path, systemClock, idSource(systemClock));
  try {
    const found = await checkSearch(store);
    const lines = linesOf(found);
    for (const line of lines) io.out(line);
    const outside = await checkOutside(config, store, flags.has("repair"), io);
    if (outside !== undefined) io.out(outside);
    if (lines.length === 0 && outside === undefined) {
      io.err(`${path}: sound`);
      return EXIT.done;
    }
    if (!flags.has("repair")) {
      io.err(`${path}: \`slipway memory check --repair\` builds what does not find everything again`);
      return EXIT.failed;
    }
    const repaired = lines.length === 0 ? EXIT.done : await repair(store, path, io.err);
    return outside === undefined ? repaired : EXIT.failed;
  } finally {
    store.close();
  }
};

/** What is wrong with an index of vectors outside the store, after it was filled anew where that was asked for. */
async function checkOutside(
  { vectors: place, embedder }: MemoryConfig,
  store: MemoryStore,
  isRepairing: boolean,
  io: Io,
): Promise<string | undefined> {
  if (place.kind === "exact" || embedder === undefined) return undefined;
  const { model } = embedder;
  const indexes = vectorIndexes(place, store);
  const check = () =>
    checkVectors(
      store,
      model,
      async (dimension) => indexes.indexOf(dimension, model),
      (checked) => io.err(`${checked} vectors looked up`),
    );
  try {
    let { lost } = await check();
    if (lost > 0 && isRepairing) {
      const emptied = recallVectors(store, embedder, async (dimension) => {
        const index = await indexes.indexOf(dimension, model);
        await index.clear();
        return index;
      });
      while ((await emptied.indexSome()).hasMore) io.err("Chroma is being filled anew");
      ({ lost } = await check());
    }
    return lost === 0 ? undefined : `Chroma does not find ${lost} vectors`;
  } finally {
    await indexes.close();
  }
}

async function repair(store: MemoryStore, path: string, say: (line: string) => void): Promise<number> {
  const count = await store.write(REPAIRER, (tx) => tx.rebuildSearch());
  const left = linesOf(await checkSearch(store));
  say(
    left.length === 0
      ? `${path}: sound; the search index was built again from ${count} versions`
      : `${path}: ${left.join("; ")}; \`slipway memory restore\` brings back the newest backup`,
  );
  return left.length === 0 ? EXIT.done : EXIT.failed;
}

function linesOf({ damage, unreachable, unreachableCount }: SearchCheck): readonly string[] {
  if (damage !== undefined) return [damage];
  const more = unreachableCount - unreachable.length;
  return [
    ...unreachable.map((id) => `search does not find ${id}`),
    ...(more > 0 ? [`search does not find ${more} more`] : []),
  ];
}

/** What SQLite says of an FTS5 index of ours, in any of its ways. */
function isOfIndex(problem: string): boolean {
  return /fts5/i.test(problem) && /\bmemory(?:_version)?_search\b/.test(problem);
}
