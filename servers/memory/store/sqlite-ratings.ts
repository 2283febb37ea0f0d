import { z } from "zod";
import { parseRow, type Sql } from "../../../kernel/sqlite/database.ts";
import type { MemoryRatings } from "./port.ts";

const RatingRow = z.object({ success: z.number(), failure: z.number(), count: z.int() });

/** Ratings stay with a memory through all its versions, and go when it is purged. */
export function sqliteRatings(sql: Sql): MemoryRatings {
  return {
    async ratingsAt(numbers) {
      const rows = sql.all(
        "SELECT * FROM rating WHERE memory_n IN (SELECT value FROM json_each(?))",
        JSON.stringify(numbers),
      );
      return new Map(rows.map((row) => [Number(row["memory_n"]), parseRow(RatingRow, row)]));
    },
    async ratingsOf(id) {
      const row = sql.get(
        `SELECT coalesce(success, 0.0) AS success, coalesce(failure, 0.0) AS failure, coalesce(count, 0) AS count
         FROM memory LEFT JOIN rating ON memory_n = n WHERE id = ?`,
        id,
      );
      return row === undefined ? undefined : parseRow(RatingRow, row);
    },
    async setRatings(id, { success, failure, count }) {
      sql.run(
        `INSERT OR REPLACE INTO rating (memory_n, success, failure, count) SELECT n, ?, ?, ? FROM memory WHERE id = ?`,
        success,
        failure,
        count,
        id,
      );
    },
  };
}
