export { dependencyGraph, type DependencyGraph } from "./adapters/dependency-graph.ts";
export type { MemoryDeps } from "./deps.ts";
export { createMemoryServer, type MemoryTools } from "./server.ts";
export { openMemoryStore, type MemoryStore } from "./store/sqlite.ts";
export { recallLog, type RecallLog } from "./store/recall-log.ts";
export type { MemoryTx } from "./store/port.ts";
