import { systemClock } from "../../kernel/clock.ts";
import type { ServerSources } from "../../kernel/config.ts";
import { idSource } from "../../kernel/ids.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";
import { codeParser } from "./adapters/code-parser.ts";
import { dependencyGraph } from "./adapters/dependency-graph.ts";
import { openIndexing } from "./adapters/indexing.ts";
import { sourceTrees } from "./adapters/source-tree.ts";
import { openWeb } from "./adapters/web.ts";
import { recallVectors } from "./adapters/recall-vectors.ts";
import { vectorIndexes } from "./adapters/vector-indexes.ts";
import { recallIndex } from "./adapters/recall-index.ts";
import { readMemoryConfig } from "./config.ts";
import { WEIGHTS } from "./domain/weights.ts";
import { createMemoryServer } from "./server.ts";
import { recallLog } from "./store/recall-log.ts";
import { openMemoryStore } from "./store/sqlite.ts";

/** Opens the memory server of a state folder. Close it when done. */
export async function openMemory(sources: ServerSources): Promise<ToolServer> {
  const config = readMemoryConfig(sources);
  const newId = idSource(systemClock);
  const store = openMemoryStore(config.database, systemClock, newId);
  const indexes = vectorIndexes(config.vectors, store);
  const server = createMemoryServer({
    store,
    graph: dependencyGraph(),
    index: recallIndex(store, sources.log),
    vectors: recallVectors(store, config.embedder, indexes.indexOf),
    weights: WEIGHTS,
    recalls: recallLog(store, sources.log),
    trees: sourceTrees(config),
    parser: codeParser(),
    indexing: openIndexing(),
    web: openWeb(config),
    ingesting: openIndexing(),
    clock: systemClock,
    newId,
    log: sources.log,
  });
  return {
    ...server,
    close: async () => {
      await server.close();
      await indexes.close();
    },
  };
}
