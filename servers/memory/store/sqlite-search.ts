import type { SQLInputValue } from "node:sqlite";
import type { Row, Sql } from "../../../kernel/sqlite/database.ts";
import { endedBy } from "../domain/draft.ts";
import type { Memory } from "../domain/memory.ts";
import { tokensOf } from "../domain/tokens.ts";
import type { Match, Search } from "./port.ts";
import { toMemory } from "./rows.ts";

/** Where versions live, and the index beside them. The row number is the same in both. */
export type Shelf = "memory" | "memory_version";

// A word in the title says most; names (tags, entities, path) are short, so BM25 alone would overrate them.
const WEIGHTS = "2.0, 1.0, 0.5";

export function addToIndex(sql: Sql, shelf: Shelf, n: number, memory: Memory): void {
  const cells = cellsOf(memory).map((tokens) => tokens.join(" "));
  sql.run(`INSERT INTO ${shelf}_search (rowid, title, text, names) VALUES (?, ?, ?, ?)`, n, ...cells);
}

function cellsOf(memory: Memory): readonly (readonly string[])[] {
  const names = [
    ...memory.tags,
    ...memory.entities.map((entity) => entity.name),
    memory.source?.path ?? "",
  ].join(" ");
  return [memory.title ?? "", memory.text, names].map((text) => tokensOf(text));
}

/** How many of its words a record is looked up by. */
const PROBE_TERMS = 8;

/** Whether the index finds a record by its first words. What has no word needs only its entry. */
export function isInIndex(sql: Sql, shelf: Shelf, n: number, memory: Memory): boolean {
  if (sql.get(`SELECT 1 FROM ${shelf}_search_docsize WHERE id = ?`, n) === undefined) return false;
  const terms = cellsOf(memory).flat().slice(0, PROBE_TERMS);
  if (terms.length === 0) return true;
  return (
    sql.get(
      `SELECT 1 FROM ${shelf}_search WHERE ${shelf}_search MATCH ? AND rowid = ?`,
      terms.map(quote).join(" AND "),
      n,
    ) !== undefined
  );
}

export function dropFromIndex(sql: Sql, shelf: Shelf, n: number): void {
  sql.run(`DELETE FROM ${shelf}_search WHERE rowid = ?`, n);
}

/** FTS5 only marks an entry as deleted and keeps its words until parts of the index are merged; this merges them all. */
export function compactIndex(sql: Sql, shelf: Shelf): void {
  sql.run(`INSERT INTO ${shelf}_search (${shelf}_search) VALUES ('optimize')`);
}

export function rebuildIndex(sql: Sql, shelf: Shelf): number {
  sql.run(`INSERT INTO ${shelf}_search (${shelf}_search) VALUES ('delete-all')`);
  const pageSize = 500;
  let last = 0;
  for (let count = 0; ;) {
    const rows = sql.all(`SELECT * FROM ${shelf} WHERE n > ? ORDER BY n LIMIT ?`, last, pageSize);
    for (const row of rows) {
      last = Number(row["n"]);
      addToIndex(sql, shelf, last, toMemory(row));
    }
    count += rows.length;
    if (rows.length < pageSize) return count;
  }
}

/**
 * Searches current versions, and replaced ones where a time asks for them. Scores of the two indexes are each
 * relative to their own texts, so across them the order is approximate.
 */
export function searchIndex(sql: Sql, search: Search): readonly Match[] {
  if (search.terms.length === 0) return [];
  const at = search.asOf ?? search.now;
  const matches = searchShelf(sql, "memory", search, at);
  if (!holdsReplaced(sql, at)) return matches;
  const older = searchShelf(sql, "memory_version", search, at);
  return [...matches, ...older].sort(byRank).slice(0, search.limit);
}

export function holdsReplaced(sql: Sql, at: number): boolean {
  return (
    sql.get("SELECT 1 FROM memory_version WHERE ends_at > ? AND starts_at <= ? LIMIT 1", at, at) !== undefined
  );
}

/** The rows of a space are read one by one; a search for the key's name in the text skips most of them. */
export function numbersWhere(
  sql: Sql,
  space: string,
  where: NonNullable<Search["where"]>,
): ReadonlySet<number> {
  const conditions = ["m.space = ?"];
  const values: SQLInputValue[] = [space];
  for (const { key } of where) {
    conditions.push("instr(m.metadata, ?) > 0");
    values.push(JSON.stringify(key));
  }
  for (const condition of where) {
    conditions.push(METADATA_FITS);
    values.push(JSON.stringify(condition.any), condition.key);
  }
  const rows = sql.all(`SELECT m.n AS n FROM memory m WHERE ${conditions.join(" AND ")}`, ...values);
  return new Set(rows.map((row) => Number(row["n"])));
}

const METADATA_FITS = `EXISTS (SELECT 1 FROM json_each(m.metadata) has, json_each(?) wanted
         WHERE has.key = ? AND has.value IS wanted.value AND replace(has.type, 'real', 'integer') = replace(wanted.type, 'real', 'integer'))`;

function byRank(a: Match, b: Match): number {
  return (
    b.lexical - a.lexical || b.memory.updatedAt - a.memory.updatedAt || (a.memory.id < b.memory.id ? -1 : 1)
  );
}

function searchShelf(sql: Sql, shelf: Shelf, search: Search, at: number): readonly Match[] {
  const { conditions, values } = conditionsOf(shelf, search, at);
  const ranked = sql.all(
    `SELECT m.n AS n, bm25(${shelf}_search, ${WEIGHTS}) AS rank FROM ${shelf}_search JOIN ${shelf} m ON m.n = ${shelf}_search.rowid
     WHERE ${shelf}_search MATCH ? AND ${conditions.join(" AND ")}
     ORDER BY rank, m.updated_at DESC, m.id LIMIT ?`,
    search.terms.map(quote).join(" OR "),
    ...values,
    search.limit,
  );
  const rows = new Map<unknown, Row>();
  const numbers = JSON.stringify(ranked.map((row) => row["n"]));
  for (const row of sql.all(`SELECT * FROM ${shelf} WHERE n IN (SELECT value FROM json_each(?))`, numbers))
    rows.set(row["n"], row);
  return ranked.flatMap((match) => {
    const row = rows.get(match["n"]);
    return row === undefined ? [] : [{ memory: toMemory(row), lexical: -Number(match["rank"]) }];
  });
}

/** Every term becomes an FTS5 string: nothing a caller writes is query syntax. */
function quote(term: string): string {
  return `"${term.replaceAll('"', '""')}"`;
}

function conditionsOf(
  shelf: Shelf,
  search: Search,
  at: number,
): { readonly conditions: readonly string[]; readonly values: readonly SQLInputValue[] } {
  const conditions = ["m.space = ?", "(m.ends_at IS NULL OR m.ends_at > ?)"];
  const values: SQLInputValue[] = [search.space, at];
  // What holds since it was recorded holds now, even if the clock was set back meanwhile.
  conditions.push(
    shelf === "memory" && search.asOf === undefined
      ? "(m.starts_at <= ? OR m.starts_at = m.updated_at)"
      : "m.starts_at <= ?",
  );
  values.push(at);
  if (search.kinds !== undefined) {
    conditions.push("m.kind IN (SELECT value FROM json_each(?))");
    values.push(JSON.stringify(search.kinds));
  }
  if (search.thread !== undefined) {
    conditions.push("m.thread_id = ?");
    values.push(search.thread);
  }
  if (search.tags !== undefined && search.tags.length > 0) {
    conditions.push("NOT EXISTS (SELECT value FROM json_each(?) EXCEPT SELECT value FROM json_each(m.tags))");
    values.push(JSON.stringify(search.tags));
  }
  for (const { key, any } of search.where ?? []) {
    conditions.push(METADATA_FITS);
    values.push(JSON.stringify(any), key);
  }
  return { conditions, values };
}

/** The version that goes to the history when `after` takes its place. */
export function ended(before: Memory, after: Memory): Memory {
  return { ...before, endsAt: endedBy(before.endsAt, after.startsAt) };
}
