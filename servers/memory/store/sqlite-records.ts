import type { Emit } from "../../../kernel/store.ts";
import type { Sql } from "../../../kernel/sqlite/database.ts";
import { endedBy } from "../domain/draft.ts";
import type { Memory } from "../domain/memory.ts";
import type { MemoryRecords } from "./port.ts";
import { COLUMNS, toMemory, twinKey, valuesOf } from "./rows.ts";
import {
  addToIndex,
  compactIndex,
  dropFromIndex,
  ended,
  holdsReplaced,
  numbersWhere,
  rebuildIndex,
  searchIndex,
} from "./sqlite-search.ts";

const MARKS = COLUMNS.map(() => "?").join(", ");

/** Memories, their history and the index over both. `mention` ties a memory to the entities it names. */
export function sqliteRecords(
  sql: Sql,
  emit: Emit,
  mention: (memoryNumber: number, memory: Memory) => void,
): MemoryRecords {
  const numberOf = (id: string): number => {
    const row = sql.get("SELECT n FROM memory WHERE id = ?", id);
    if (row === undefined) throw new Error(`${id} is not in the store`);
    return Number(row["n"]);
  };
  const put = (before: Memory, after: Memory): void => {
    const n = numberOf(before.id);
    const past = ended(before, after);
    sql.run(`INSERT INTO memory_version (${COLUMNS.join(", ")}) VALUES (${MARKS})`, ...valuesOf(past));
    const kept = sql.get("SELECT n FROM memory_version WHERE id = ? AND version = ?", past.id, past.version);
    addToIndex(sql, "memory_version", Number(kept?.["n"]), past);
    dropFromIndex(sql, "memory", n);
    sql.run(
      `UPDATE memory SET twin_key = ?, ${COLUMNS.map((column) => `${column} = ?`).join(", ")} WHERE n = ?`,
      twinKey(after),
      ...valuesOf(after),
      n,
    );
    addToIndex(sql, "memory", n, after);
    sql.run("DELETE FROM mention WHERE memory_n = ?", n);
    mention(n, after);
  };
  return {
    async find(ids) {
      const rows = sql.all(
        "SELECT * FROM memory WHERE id IN (SELECT value FROM json_each(?))",
        JSON.stringify(ids),
      );
      return new Map(rows.map(toMemory).map((memory) => [memory.id, memory]));
    },
    async findTwin(memory, now) {
      const row = sql.get(
        `SELECT * FROM memory WHERE twin_key = ? AND superseded_by IS NULL AND (ends_at IS NULL OR ends_at > ?) AND id <> ? ORDER BY n LIMIT 1`,
        twinKey(memory),
        now,
        memory.id,
      );
      return row === undefined ? undefined : toMemory(row);
    },
    async add(memory) {
      sql.run(
        `INSERT INTO memory (twin_key, ${COLUMNS.join(", ")}) VALUES (?, ${MARKS})`,
        twinKey(memory),
        ...valuesOf(memory),
      );
      const n = numberOf(memory.id);
      addToIndex(sql, "memory", n, memory);
      mention(n, memory);
      emit({
        type: "memory.remembered",
        subject: memory.id,
        data: { kind: memory.kind, space: memory.space, task_id: memory.taskId },
      });
    },
    async replace(before, after) {
      put(before, after);
      emit({ type: "memory.updated", subject: after.id, data: { version: after.version } });
    },
    end: async (before, after) => put(before, after),
    async purge(ids) {
      const versions = new Map<string, number>();
      const wanted = JSON.stringify(ids);
      for (const shelf of ["memory", "memory_version"] as const) {
        const rows = sql.all(
          `SELECT n, id FROM ${shelf} WHERE id IN (SELECT value FROM json_each(?))`,
          wanted,
        );
        for (const row of rows) {
          dropFromIndex(sql, shelf, Number(row["n"]));
          sql.run(`DELETE FROM ${shelf} WHERE n = ?`, Number(row["n"]));
          const id = String(row["id"]);
          versions.set(id, (versions.get(id) ?? 0) + 1);
        }
        if (rows.length > 0) compactIndex(sql, shelf);
      }
      return versions;
    },
    async supersede(old, by) {
      sql.run(
        "UPDATE memory SET superseded_by = ?, ends_at = ? WHERE id = ?",
        by.id,
        endedBy(old.endsAt, by.startsAt),
        old.id,
      );
      emit({ type: "memory.updated", subject: old.id, data: { version: old.version, superseded_by: by.id } });
    },
    search: async (search) => searchIndex(sql, search),
    holdsReplaced: async (at) => holdsReplaced(sql, at),
    async lastChange() {
      return Number(sql.get("SELECT max(seq) AS seq FROM memory_change")?.["seq"] ?? 0);
    },
    async changesAfter(seq, limit) {
      const rows = sql.all(
        `SELECT seq AS change_seq, memory_change.n AS change_n, memory.* FROM memory_change LEFT JOIN memory ON memory.n = memory_change.n
         WHERE seq > ? ORDER BY seq LIMIT ?`,
        seq,
        limit,
      );
      return rows.map((row) => ({
        seq: Number(row["change_seq"]),
        n: Number(row["change_n"]),
        memory: row["id"] === null ? undefined : toMemory(row),
      }));
    },
    async findNumbers(numbers) {
      const rows = sql.all(
        "SELECT * FROM memory WHERE n IN (SELECT value FROM json_each(?))",
        JSON.stringify(numbers),
      );
      return new Map(rows.map((row) => [Number(row["n"]), toMemory(row)]));
    },
    numbersWhere: async (space, where) => numbersWhere(sql, space, where),
    rebuildSearch: async () => rebuildIndex(sql, "memory") + rebuildIndex(sql, "memory_version"),
  };
}
