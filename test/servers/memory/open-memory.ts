import type { Clock } from "../../../kernel/clock.ts";
import { idSource } from "../../../kernel/ids.ts";
import type { ToolServer } from "../../../kernel/mcp/server.ts";
import { createMemoryServer, dependencyGraph, openMemoryStore, recallLog, type MemoryStore } from "../../../servers/memory/index.ts";

/** A memory server on a file or in memory, with a clock of the test's own. */
export function openForTest(path = ":memory:", clock: Clock = Date.now): { readonly server: ToolServer; readonly store: MemoryStore } {
  const newId = idSource(clock);
  const store = openMemoryStore(path, clock, newId);
  const log = () => undefined;
  return { store, server: createMemoryServer({ store, graph: dependencyGraph(), recalls: recallLog(store, log), clock, newId, log }) };
}
