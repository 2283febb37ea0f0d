import { z } from "zod";
import { parseRow, type Sql } from "../../../kernel/sqlite/database.ts";
import type { MemoryExport } from "./port.ts";
import { toMemory } from "./rows.ts";

const json = <S extends z.ZodType>(schema: S) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);

const EntityRow = z.object({
  n: z.int(),
  name: z.string(),
  type: z.string(),
  observations: json(z.array(z.string())),
});
const RelationRow = z.object({
  n: z.int(),
  from: z.string(),
  type: z.string(),
  to: z.string(),
  properties: json(z.custom<object>((value) => typeof value === "object" && value !== null)),
});

/** Everything that cannot be made again from sources, page by page. */
export function sqliteExport(sql: Sql): MemoryExport {
  return {
    async memoriesAfter(n, limit, kind) {
      return sql
        .all(
          `SELECT * FROM memory WHERE n > ? AND id NOT IN (SELECT memory_id FROM code_file) AND kind = coalesce(?, kind)
           ORDER BY n LIMIT ?`,
          n,
          kind ?? null,
          limit,
        )
        .map((row) => ({ n: Number(row["n"]), memory: toMemory(row) }));
    },
    async entitiesAfter(n, limit) {
      return sql
        .all(
          `SELECT n, name, type, (SELECT json_group_array(text) FROM observation WHERE entity_n = entity.n) AS observations
           FROM entity WHERE n > ? AND (
             EXISTS (SELECT 1 FROM observation WHERE entity_n = entity.n)
             OR NOT EXISTS (SELECT 1 FROM code_entity WHERE entity_n = entity.n)
           ) ORDER BY n LIMIT ?`,
          n,
          limit,
        )
        .map((row) => parseRow(EntityRow, row));
    },
    async relationsAfter(n, limit) {
      return sql
        .all(
          `SELECT r.n AS n, f.name AS "from", r.type AS type, t.name AS "to", properties
           FROM relation r JOIN entity f ON f.n = r.from_n JOIN entity t ON t.n = r.to_n
           WHERE r.n > ? AND r.n NOT IN (SELECT relation_n FROM code_relation) ORDER BY r.n LIMIT ?`,
          n,
          limit,
        )
        .map((row) => parseRow(RelationRow, row));
    },
  };
}
