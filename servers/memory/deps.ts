import type { Clock } from "../../kernel/clock.ts";
import type { NewId } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { DependencyGraph } from "./adapters/dependency-graph.ts";
import type { RecallLog } from "./store/recall-log.ts";
import type { MemoryStore } from "./store/sqlite.ts";

/** What the memory tools work with. The server owns none of it but the store, which it closes. */
export interface MemoryDeps {
  readonly store: MemoryStore;
  readonly graph: DependencyGraph;
  readonly recalls: RecallLog;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Log;
}
