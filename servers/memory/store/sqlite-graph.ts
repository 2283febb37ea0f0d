import { z } from "zod";
import { canonicalJson } from "../../../kernel/canonical-json.ts";
import { DomainError } from "../../../kernel/errors.ts";
import type { NewId } from "../../../kernel/ids.ts";
import { mentionsOf } from "./sqlite-mentions.ts";
import { sqliteLinks } from "./sqlite-links.ts";
import { parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
import {
  NO_DEPENDENCY,
  normalName,
  placeEntity,
  UNKNOWN_TYPE,
  type Entity,
  type EntityDraft,
} from "../domain/graph.ts";
import type { Memory } from "../domain/memory.ts";
import type { Edge, MemoryGraph, Related } from "./port.ts";

const EntityRow = z.object({ n: z.int(), id: z.string(), name: z.string(), type: z.string() });
const EdgeRow = z.object({ n: z.int(), from_n: z.int(), to_n: z.int() });

type NumberedEntity = z.output<typeof EntityRow>;

export interface SqliteGraph extends MemoryGraph {
  mention(memoryNumber: number, memory: Memory, now: number): void;
  /** The number of the entity a draft means, added or typed where needed. */
  place(draft: EntityDraft, now: number): number;
}

export function sqliteGraph(sql: Sql, newId: NewId): SqliteGraph {
  const toEntity = (row: Row): NumberedEntity => parseRow(EntityRow, row);
  const named = (name: string): readonly NumberedEntity[] =>
    sql.all("SELECT n, id, name, type FROM entity WHERE name = ? ORDER BY n", name).map(toEntity);
  const withId = (id: string): readonly NumberedEntity[] =>
    sql.all("SELECT n, id, name, type FROM entity WHERE id = ?", id).map(toEntity);

  const addEntity = (name: string, type: string, now: number): NumberedEntity => {
    const id = newId("ent");
    sql.run("INSERT INTO entity (id, name, type, created_at) VALUES (?, ?, ?, ?)", id, name, type, now);
    const [added] = withId(id);
    if (added === undefined) throw new Error(`${id} is not in the store`);
    return added;
  };

  const place = (draft: EntityDraft, now: number): { readonly n: number } & Related => {
    const existing = named(draft.name);
    const placed = placeEntity(draft, existing);
    if (placed.place === "new") return { ...addEntity(draft.name, draft.type, now), status: "created" };
    const { id } = placed.entity;
    if (placed.place === "typed" && draft.type !== UNKNOWN_TYPE)
      sql.run("UPDATE entity SET type = ? WHERE id = ?", draft.type, id);
    const n = existing.find((entity) => entity.id === id)?.n;
    if (n === undefined) throw new Error(`${id} is not in the store`);
    return { id, n, status: placed.place === "typed" ? "updated" : "unchanged" };
  };

  const endOf = (nameOrId: string, added: Entity[], now: number): number => {
    const [only, another] = named(nameOrId);
    if (only !== undefined && another === undefined) return only.n;
    if (only !== undefined) {
      throw new DomainError("invalid", `several entities are named "${nameOrId}"`, {
        hint: "give the id of the one you mean; relate_entities returns it for its name and type",
      });
    }
    if (/^ent_[0-9a-z]{16}$/.test(nameOrId)) {
      const [entity] = withId(nameOrId);
      if (entity === undefined)
        throw new DomainError("not_found", `there is no entity ${nameOrId}`, {
          hint: "name the entity instead",
        });
      return entity.n;
    }
    const entity = addEntity(nameOrId, UNKNOWN_TYPE, now);
    added.push(entity);
    return entity.n;
  };

  return {
    async relateEntity(draft, now) {
      const { id, n, status } = place(draft, now);
      let fresh = 0;
      for (const text of draft.observations ?? []) {
        fresh += sql.run(
          "INSERT INTO observation (entity_n, text, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
          n,
          text,
          now,
        );
      }
      return { id, status: status === "unchanged" && fresh > 0 ? "updated" : status };
    },
    async relate({ from, type, to, properties }, now) {
      const added: Entity[] = [];
      const ends = [endOf(from, added, now), type, endOf(to, added, now)] as const;
      const row = sql.get(
        "SELECT id, properties FROM relation WHERE from_n = ? AND type = ? AND to_n = ?",
        ...ends,
      );
      const wanted = properties === undefined ? undefined : JSON.stringify(properties);
      if (row === undefined) {
        const id = newId("rel");
        sql.run(
          "INSERT INTO relation (id, from_n, type, to_n, properties, created_at) VALUES (?, ?, ?, ?, ?, ?)",
          id,
          ...ends,
          wanted ?? "{}",
          now,
        );
        return { id, status: "created", added };
      }
      const id = String(row["id"]);
      if (
        wanted === undefined ||
        canonicalJson(properties) === canonicalJson(JSON.parse(String(row["properties"])))
      )
        return { id, status: "unchanged", added };
      sql.run("UPDATE relation SET properties = ? WHERE id = ?", wanted, id);
      return { id, status: "updated", added };
    },
    mentionsOf: async (names) => mentionsOf(sql, names),
    async numbersOf(nameOrId) {
      const found = [...named(nameOrId), ...withId(nameOrId)].map(({ n }) => n);
      if (found.length > 0) return found;
      // A symbol of indexed code is known by its own name, too, wherever it is defined.
      return sql
        .all("SELECT DISTINCT entity_n FROM code_entity WHERE symbol = ? ORDER BY entity_n", nameOrId)
        .map((row) => Number(row["entity_n"]));
    },
    place: (draft, now) => place(draft, now).n,
    async entities(numbers) {
      const rows = sql.all(
        "SELECT n, id, name, type FROM entity WHERE n IN (SELECT value FROM json_each(?))",
        JSON.stringify(numbers),
      );
      return new Map(rows.map(toEntity).map((entity) => [entity.n, entity]));
    },
    async graphState() {
      const row = sql.get(
        "SELECT (SELECT epoch FROM graph_epoch) AS epoch, (SELECT max(n) FROM relation) AS last",
      );
      return { epoch: Number(row?.["epoch"]), last: Number(row?.["last"] ?? 0) };
    },
    ...sqliteLinks(sql),
    async edgesAfter(after, limit) {
      const toEdge = (row: Row): Edge => {
        const { n, from_n: from, to_n: to } = parseRow(EdgeRow, row);
        return { n, from, to };
      };
      return sql
        .all(
          `SELECT n, from_n, to_n FROM relation
           WHERE n > ? AND type NOT IN (SELECT value FROM json_each(?)) ORDER BY n LIMIT ?`,
          after,
          JSON.stringify(NO_DEPENDENCY),
          limit,
        )
        .map(toEdge);
    },
    mention(memoryNumber, memory, now) {
      for (const { name, type } of memory.entities) {
        sql.run(
          "INSERT INTO mention (entity_n, memory_n) VALUES (?, ?) ON CONFLICT DO NOTHING",
          place({ name: normalName(name), type }, now).n,
          memoryNumber,
        );
      }
    },
  };
}
