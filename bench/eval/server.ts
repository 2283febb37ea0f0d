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
  recallIndex,
  recallVectors,
  recallLog,
  sourceTrees,
  WEIGHTS,
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

/** As many items as one call takes. */
const PAGE = 200;

export async function measuredServer(): Promise<Measured> {
  const newId = idSource(systemClock);
  const store = openMemoryStore(":memory:", systemClock, newId);
  const deps: MemoryDeps = {
    store,
    graph: dependencyGraph(),
    index: recallIndex(store, silentLog),
    vectors: recallVectors(store, undefined, exactVectors),
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
    remember: (items) => rememberAll(client, items),
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
