import type { Client } from "@modelcontextprotocol/client";
import { z } from "zod";
import { systemClock } from "../../kernel/clock.ts";
import { idSource } from "../../kernel/ids.ts";
import { silentLog } from "../../kernel/log.ts";
import {
  codeParser,
  createMemoryServer,
  dependencyGraph,
  openIndexing,
  openMemoryStore,
  openWeb,
  exactVectors,
  localEmbedder,
  recallIndex,
  recallVectors,
  recallLog,
  sourceTrees,
  WEIGHTS,
  type Embedder,
  type MemoryDeps,
  type Weights,
} from "../../servers/memory/index.ts";
import { connect, mustCall } from "../../test/support/connect.ts";

/** A memory server in this process that is asked through its tools, and can be asked again with other weights. */
export interface Measured {
  remember(items: readonly object[]): Promise<readonly string[]>;
  /** Ids of the hits, best first. */
  recall(query: object): Promise<readonly string[]>;
  /** How long each recall took, in milliseconds. */
  readonly ms: readonly number[];
  withWeights(weights: Partial<Weights>): Promise<Measured>;
  close(): Promise<void>;
}

const Ids = z.object({ id: z.string() }).array();

/** Embedded between two lines of progress. */
const EMBEDDED = 1_024;

/** As many items as one call takes. */
const PAGE = 200;

/** @param model The folder of a local model; undefined: no vectors. */
export async function measuredServer(model?: string): Promise<Measured> {
  const newId = idSource(systemClock);
  const store = openMemoryStore(":memory:", systemClock, newId);
  const deps: MemoryDeps = {
    store,
    graph: dependencyGraph(),
    index: recallIndex(store, silentLog),
    vectors: recallVectors(
      store,
      model === undefined ? undefined : remembering(localEmbedder(model)),
      exactVectors,
    ),
    weights: WEIGHTS,
    recalls: recallLog(store, silentLog),
    trees: sourceTrees({ roots: [], path: "" }),
    parser: codeParser(),
    indexing: openIndexing(),
    web: openWeb({ allowedHosts: [] }),
    ingesting: openIndexing(),
    clock: systemClock,
    newId,
    log: silentLog,
  };
  return measured(deps, async () => {
    await deps.recalls.settle();
    store.close();
  });
}

async function measured(deps: MemoryDeps, closeStore: () => Promise<void>): Promise<Measured> {
  const { client, close } = await connect(createMemoryServer(deps));
  const ms: number[] = [];
  return {
    ms,
    async remember(items) {
      const ids = await rememberAll(client, items);
      let done = 0;
      for (let hasMore = deps.vectors.model !== undefined; hasMore;) {
        const page = await deps.vectors.embedSome(EMBEDDED);
        hasMore = page.hasMore;
        done += page.done;
        process.stderr.write(`eval:memory: ${done} of ${items.length} embedded\n`);
      }
      return ids;
    },
    async recall(query) {
      const began = performance.now();
      const { hits } = await mustCall(client, "recall", { max_tokens: 20_000, ...query });
      ms.push(performance.now() - began);
      return Ids.parse(hits).map(({ id }) => id);
    },
    withWeights: (weights) =>
      measured({ ...deps, weights: { ...deps.weights, ...weights } }, () => Promise.resolve()),
    async close() {
      await close();
      await closeStore();
    },
  };
}

async function rememberAll(client: Client, items: readonly object[]): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let from = 0; from < items.length; from += PAGE) {
    const answer = await mustCall(client, "remember", { items: items.slice(from, from + PAGE) });
    ids.push(...Ids.parse(answer["items"]).map(({ id }) => id));
  }
  return ids;
}

/** The same queries are asked under many weights: each text is embedded once. */
function remembering(embedder: Embedder): Embedder {
  const known = new Map<string, Float32Array>();
  return {
    model: embedder.model,
    async embed(texts) {
      const missing = [...new Set(texts)].filter((text) => !known.has(text));
      const vectors = missing.length === 0 ? [] : await embedder.embed(missing);
      missing.forEach((text, at) => known.set(text, vectors[at] ?? new Float32Array()));
      return texts.map((text) => known.get(text) ?? new Float32Array());
    },
  };
}
