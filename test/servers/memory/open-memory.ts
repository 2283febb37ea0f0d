import type { Clock } from "../../../kernel/clock.ts";
import { idSource } from "../../../kernel/ids.ts";
import type { ToolServer } from "../../../kernel/mcp/server.ts";
import {
  codeParser,
  createMemoryServer,
  dependencyGraph,
  exactVectors,
  openIndexing,
  openMemoryStore,
  openWeb,
  recallIndex,
  recallLog,
  recallVectors,
  sourceTrees,
  WEIGHTS,
  type Embedder,
  type MemoryStore,
  type RecallLog,
} from "../../../servers/memory/index.ts";

/** A memory server on a file or in memory, with a clock of the test's own. */
export function openForTest(
  path = ":memory:",
  clock: Clock = Date.now,
  roots: readonly string[] = [],
  allowedHosts: readonly string[] = [],
  { atOnce, embedder }: { readonly atOnce?: number; readonly embedder?: Embedder } = {},
): { readonly server: ToolServer; readonly store: MemoryStore; readonly recalls: RecallLog } {
  const newId = idSource(clock);
  const store = openMemoryStore(path, clock, newId);
  const log = () => undefined;
  const recalls = recallLog(store, log);
  return {
    store,
    recalls,
    server: createMemoryServer({
      store,
      graph: dependencyGraph(),
      index: recallIndex(store, log, atOnce),
      vectors: recallVectors(store, embedder, exactVectors),
      weights: WEIGHTS,
      recalls,
      trees: sourceTrees({ roots, path: process.env["PATH"] ?? "/usr/bin:/bin" }),
      parser: codeParser(),
      indexing: openIndexing(),
      web: openWeb({ allowedHosts }),
      ingesting: openIndexing(),
      clock,
      newId,
      log,
    }),
  };
}
