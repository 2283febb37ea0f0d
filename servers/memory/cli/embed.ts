import { existsSync } from "node:fs";
import { systemClock } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { findHome } from "../../../kernel/home.ts";
import { idSource } from "../../../kernel/ids.ts";
import { EXIT, type Command } from "../../../kernel/io.ts";
import { recallVectors } from "../adapters/recall-vectors.ts";
import { vectorIndexes } from "../adapters/vector-indexes.ts";
import { readMemoryConfig } from "../config.ts";
import { openMemoryStore } from "../store/sqlite.ts";

const HELP = `slipway memory embed [--home DIR]

Makes the vectors that are missing, with the embedder that SLIPWAY_EMBEDDER names, and puts them into Chroma where that
is configured: after many memories were brought in, or after the model changed. Servers may run meanwhile; recall does the same for a few at a time.`;

const PAGE = 256;

/** `slipway memory embed`: progress on stderr, the number of vectors made on stdout. */
export const memoryEmbedCommand: Command = async (argv, io) => {
  const flags = parseFlags(argv, { home: { type: "string" }, help: { type: "boolean", short: "h" } }, 0);
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
  const { database: path, embedder, vectors: place } = readMemoryConfig({ home, env: io.env, cwd: io.cwd });
  if (embedder === undefined)
    throw new DomainError("invalid", "no embedder is configured", {
      hint: "set SLIPWAY_EMBEDDER to local or openai:<model>",
    });
  if (!existsSync(path))
    throw new DomainError("not_found", `there is no store ${path}`, {
      hint: "name the state folder with --home DIR",
    });
  const store = openMemoryStore(path, systemClock, idSource(systemClock));
  const indexes = vectorIndexes(place, store);
  try {
    const vectors = recallVectors(store, embedder, indexes.indexOf);
    const { memories } = await store.read((tx) => tx.counts());
    let total = 0;
    let hasMore = true;
    while (hasMore) {
      const page = await vectors.embedSome(PAGE);
      total += page.done;
      hasMore = page.hasMore;
      if (hasMore) io.err(`${total} of at most ${memories} embedded`);
    }
    let put = 0;
    for (let isPutting = place.kind !== "exact"; isPutting;) {
      const page = await vectors.indexSome();
      put += page.done;
      isPutting = page.hasMore;
      if (page.done > 0) io.err(`${put} put into Chroma`);
    }
    io.out(`${total}`);
    io.err(`${path}: every memory has a vector of ${embedder.model}`);
    return EXIT.done;
  } finally {
    await indexes.close();
    store.close();
  }
};
