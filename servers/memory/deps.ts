import type { Clock } from "../../kernel/clock.ts";
import type { NewId } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { CodeParser } from "./adapters/code-parser.ts";
import type { DependencyGraph } from "./adapters/dependency-graph.ts";
import type { Indexing } from "./adapters/indexing.ts";
import type { SourceTrees } from "./adapters/source-tree.ts";
import type { Web } from "./adapters/web.ts";
import type { Indexed } from "./domain/code/indexed.ts";
import type { Ingested } from "./domain/document/ingested.ts";
import type { RecallIndex } from "./adapters/recall-index.ts";
import type { RecallVectors } from "./adapters/recall-vectors.ts";
import type { Weights } from "./domain/weights.ts";
import type { RecallLog } from "./store/recall-log.ts";
import type { MemoryStore } from "./store/sqlite.ts";

/** What the memory tools work with. The server owns none of it but the store, which it closes. */
export interface MemoryDeps {
  readonly store: MemoryStore;
  readonly graph: DependencyGraph;
  readonly index: RecallIndex;
  readonly vectors: RecallVectors;
  /** What the parts of a recall weigh. */
  readonly weights: Weights;
  readonly recalls: RecallLog;
  readonly trees: SourceTrees;
  readonly parser: CodeParser;
  readonly indexing: Indexing<Indexed>;
  readonly web: Web;
  readonly ingesting: Indexing<Ingested>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Log;
}
