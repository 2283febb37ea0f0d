import { z } from "zod";
import { parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
import type { MemoryVectors } from "./port.ts";

const bytes = z.instanceof(Uint8Array).transform((blob) => {
  const copy = Uint8Array.from(blob);
  return new Float32Array(copy.buffer);
});
const VectorRow = z.object({ seq: z.int(), memory_n: z.int(), version: z.int(), numbers: bytes });
const CachedRow = z.object({ digest: z.string(), numbers: bytes });
const PendingRow = z.object({
  seq: z.int(),
  n: z.int(),
  version: z.int(),
  title: z.string().nullable(),
  text: z.string(),
});

/** Vectors beside the memories they were made from. They can be made again, so nothing else is lost with them. */
export function sqliteVectors(sql: Sql): MemoryVectors {
  return {
    async vectorsAfter(model, seq, limit) {
      const toVector = (row: Row) => {
        const { seq: at, memory_n: n, version, numbers } = parseRow(VectorRow, row);
        return { seq: at, n, version, values: numbers };
      };
      return sql
        .all(
          "SELECT seq, memory_n, version, numbers FROM memory_vector WHERE model = ? AND seq > ? ORDER BY seq LIMIT ?",
          model,
          seq,
          limit,
        )
        .map(toVector);
    },
    async withoutVector(model, after, limit) {
      return sql
        .all(
          `SELECT c.seq AS seq, m.n AS n, m.version AS version, m.title AS title, m.text AS text
           FROM memory_change c JOIN memory m ON m.n = c.n
           LEFT JOIN memory_vector v ON v.memory_n = m.n AND v.model = ? AND v.version = m.version
           WHERE c.seq > ? AND v.memory_n IS NULL ORDER BY c.seq LIMIT ?`,
          model,
          after,
          limit,
        )
        .map((row) => {
          const { title, ...pending } = parseRow(PendingRow, row);
          return { ...pending, title: title ?? undefined };
        });
    },
    async vectorsOf(model, digests) {
      const rows = sql.all(
        "SELECT digest, numbers FROM memory_vector WHERE model = ? AND digest IN (SELECT value FROM json_each(?))",
        model,
        JSON.stringify(digests),
      );
      const cached = rows.map((row) => parseRow(CachedRow, row));
      return new Map(cached.map(({ digest, numbers }) => [digest, numbers]));
    },
    async putVectors(model, vectors) {
      for (const { n, version, digest, values } of vectors) {
        sql.run("UPDATE vector_state SET newest = newest + 1");
        // A memory that was purged meanwhile takes no vector.
        sql.run(
          `INSERT OR REPLACE INTO memory_vector (memory_n, seq, model, dimension, version, digest, numbers)
           SELECT n, (SELECT newest FROM vector_state), ?, ?, ?, ?, ? FROM memory WHERE n = ?`,
          model,
          values.length,
          version,
          digest,
          new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
          n,
        );
      }
    },
    async vectorVersions(model, numbers) {
      const rows = sql.all(
        "SELECT memory_n, version FROM memory_vector WHERE model = ? AND memory_n IN (SELECT value FROM json_each(?))",
        model,
        JSON.stringify(numbers),
      );
      return new Map(rows.map((row) => [Number(row["memory_n"]), Number(row["version"])]));
    },
    async vectorState(model) {
      const row = sql.get(
        "SELECT id, newest, (SELECT count(*) FROM memory_vector WHERE model = ?) AS count FROM vector_state",
        model,
      );
      return { id: String(row?.["id"]), newest: Number(row?.["newest"]), count: Number(row?.["count"]) };
    },
    async vectorModels() {
      return sql
        .all(
          "SELECT model, dimension, count(*) AS n FROM memory_vector GROUP BY 1, 2 ORDER BY n DESC LIMIT 10",
        )
        .map((row) => ({
          model: String(row["model"]),
          dimension: Number(row["dimension"]),
          vectors: Number(row["n"]),
        }));
    },
  };
}
