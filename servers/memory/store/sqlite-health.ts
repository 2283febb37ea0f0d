import type { Row, Sql } from "../../../kernel/sqlite/database.ts";
import type { MemoryHealth } from "./port.ts";
import { toMemory } from "./rows.ts";
import { isInIndex, type Shelf } from "./sqlite-search.ts";

const SHELVES: readonly Shelf[] = ["memory", "memory_version"];

/** Spaces counted by name; the rest is left out. */
const MAX_SPACES = 20;

/** Counts, and whether every record can be found in the index beside it. Changes nothing. */
export function sqliteHealth(sql: Sql): MemoryHealth {
  const count = (from: string): number => Number(sql.get(`SELECT count(*) AS n FROM ${from}`)?.["n"]);
  const countsBy = (column: "kind" | "space", limit: number): ReadonlyMap<string, number> =>
    new Map(
      sql
        .all(
          `SELECT ${column} AS name, count(*) AS n FROM memory GROUP BY 1 ORDER BY n DESC, name LIMIT ?`,
          limit,
        )
        .map((row: Row) => [String(row["name"]), Number(row["n"])]),
    );
  return {
    counts: async () => ({
      memories: count("memory"),
      replaced: count("memory_version"),
      entities: count("entity"),
      relations: count("relation"),
      observations: count("observation"),
      conflicts: count("event WHERE type = 'memory.conflict'"),
      indexed: count("memory_search_docsize") + count("memory_version_search_docsize"),
      kinds: countsBy("kind", 100),
      spaces: countsBy("space", MAX_SPACES),
    }),
    async indexDamage() {
      for (const shelf of SHELVES) {
        refreshIndex(sql, shelf);
        const said = sql.get(`PRAGMA integrity_check(${shelf}_search)`)?.["integrity_check"];
        if (said !== "ok") return "the search index is damaged inside";
        const stray = count(`${shelf}_search_docsize WHERE id NOT IN (SELECT n FROM ${shelf})`);
        if (stray > 0) return `the search index has ${stray} entries of records that are not there`;
      }
      return undefined;
    },
    async unreachable({ shelf, after }, limit) {
      const rows = sql.all(`SELECT * FROM ${shelf} WHERE n > ? ORDER BY n LIMIT ?`, after, limit);
      const ids = rows
        .filter((row) => !isInIndex(sql, shelf, Number(row["n"]), toMemory(row)))
        .map((row) => String(row["id"]));
      const last = Number(rows.at(-1)?.["n"] ?? after);
      if (rows.length === limit) return { ids, next: { shelf, after: last } };
      return { ids, next: shelf === "memory" ? { shelf: "memory_version", after: 0 } : undefined };
    },
  };
}

/**
 * FTS5's own check trusts what this connection last knew of the index, and calls it damaged after another process has
 * built it again; a search reads it anew. One that fails leaves the verdict to the check.
 */
function refreshIndex(sql: Sql, shelf: Shelf): void {
  try {
    sql.get(`SELECT 1 FROM ${shelf}_search WHERE ${shelf}_search MATCH 'a' LIMIT 1`);
  } catch {
    return;
  }
}
