import type { Sql } from "../../../kernel/sqlite/database.ts";

/** The most entities that one query may name, and the most memories looked at for all of them together. */
const MAX_ENTITIES = 20;
const MAX_MENTIONS = 2_000;

/** An entity with more relations than this is a hub: what is related to it says nothing about it. */
const MAX_RELATIONS = 50;

const LISTED = "IN (SELECT value FROM json_each(?))";

/** How near memories are to entities of these names: 1 for a mention, less by way of a relation. */
export function mentionsOf(sql: Sql, names: readonly string[]): ReadonlyMap<number, number> {
  const named = sql
    .all(`SELECT n FROM entity WHERE name ${LISTED} ORDER BY n LIMIT ?`, JSON.stringify(names), MAX_ENTITIES)
    .map((row) => Number(row["n"]));
  const nearness = new Map(named.map((n) => [n, 1]));
  for (const n of named) {
    const related = sql.all(
      "SELECT to_n AS n FROM relation WHERE from_n = ?1 UNION SELECT from_n FROM relation WHERE to_n = ?1 LIMIT ?2",
      n,
      MAX_RELATIONS + 1,
    );
    if (related.length > MAX_RELATIONS) continue;
    const share = 0.5 / Math.sqrt(related.length);
    for (const row of related) {
      const other = Number(row["n"]);
      nearness.set(other, Math.max(share, nearness.get(other) ?? 0));
    }
  }
  const memories = new Map<number, number>();
  for (const row of sql.all(
    `SELECT entity_n, memory_n FROM mention WHERE entity_n ${LISTED} ORDER BY memory_n DESC LIMIT ?`,
    JSON.stringify([...nearness.keys()]),
    MAX_MENTIONS,
  )) {
    const memory = Number(row["memory_n"]);
    memories.set(memory, Math.max(nearness.get(Number(row["entity_n"])) ?? 0, memories.get(memory) ?? 0));
  }
  return memories;
}
