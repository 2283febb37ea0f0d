import type { Clock } from "../../../kernel/clock.ts";
import type { NewId } from "../../../kernel/ids.ts";
import { openDatabase } from "../../../kernel/sqlite/open.ts";
import { storeOver, type Store } from "../../../kernel/store.ts";
import type { MemoryTx } from "./port.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import { sqliteCode } from "./sqlite-code.ts";
import { sqliteDocuments } from "./sqlite-documents.ts";
import { sqliteExport } from "./sqlite-export.ts";
import { sqliteGraph } from "./sqlite-graph.ts";
import { sqliteHealth } from "./sqlite-health.ts";
import { sqliteRatings } from "./sqlite-ratings.ts";
import { sqliteVectors } from "./sqlite-vectors.ts";
import { sqliteRecords } from "./sqlite-records.ts";

export type MemoryStore = Store<MemoryTx>;

/** Opens the memory store in a file or ":memory:". The caller closes it. */
export function openMemoryStore(path: string, clock: Clock, newId: NewId): MemoryStore {
  const db = openDatabase({ path, applicationId: APPLICATION_ID, migrations: MIGRATIONS });
  return storeOver(db, clock, (sql, emit) => {
    const graph = sqliteGraph(sql, newId);
    const records = sqliteRecords(sql, emit, (n, memory) => graph.mention(n, memory, memory.updatedAt));
    const code = sqliteCode(sql, newId, graph);
    return {
      ...records,
      ...graph,
      ...sqliteHealth(sql),
      ...sqliteRatings(sql),
      ...code,
      ...sqliteDocuments(sql),
      ...sqliteExport(sql),
      ...sqliteVectors(sql),
      emit,
    };
  });
}
