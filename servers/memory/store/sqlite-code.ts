import { z } from "zod";
import type { NewId } from "../../../kernel/ids.ts";
import { parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
import { moduleNode, symbolOf, type CodeNode } from "../domain/code/code-graph.ts";
import { newMemory } from "../domain/draft.ts";
import type { Memory } from "../domain/memory.ts";
import type { CodeFile, CodeTree, MemoryCode } from "./port.ts";
import { COLUMNS, toMemory, twinKey, valuesOf } from "./rows.ts";
import type { SqliteGraph } from "./sqlite-graph.ts";
import { addToIndex, dropFromIndex } from "./sqlite-search.ts";

const TreeRow = z.object({ n: z.int(), root: z.string(), prefix: z.string() });
const names = z.array(z.string());
const Facts = z.object({
  imports: z.array(
    z.object({ from: z.string(), names: z.array(z.object({ name: z.string(), local: z.string() })) }),
  ),
  symbols: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(["Function", "Class", "Constant"]),
      line: z.int(),
      extends: names,
      implements: names,
    }),
  ),
  package: z.string().optional(),
});
const FileRow = z.object({ path: z.string(), blob: z.string(), reader: z.int(), facts: z.string() });
const OwnedRow = z.object({
  n: z.int(),
  from_n: z.int(),
  type: z.string(),
  to_n: z.int(),
  properties: z.string(),
});

/** The part of the store that indexed sources fill. */
export function sqliteCode(sql: Sql, newId: NewId, graph: Pick<SqliteGraph, "place">): MemoryCode {
  const toTree = (row: Row): CodeTree => parseRow(TreeRow, row);
  const memoryOf = (
    tree: CodeTree,
    path: string,
  ): { readonly n: number; readonly memory: Memory } | undefined => {
    const row = sql.get(
      "SELECT m.* FROM code_file f JOIN memory m ON m.id = f.memory_id WHERE f.tree_n = ? AND f.path = ?",
      tree.n,
      path,
    );
    return row === undefined ? undefined : { n: Number(row["n"]), memory: toMemory(row) };
  };
  const insert = (memory: Memory): number => {
    sql.run(
      `INSERT INTO memory (twin_key, ${COLUMNS.join(", ")}) VALUES (?, ${COLUMNS.map(() => "?").join(", ")})`,
      twinKey(memory),
      ...valuesOf(memory),
    );
    return Number(sql.get("SELECT n FROM memory WHERE id = ?", memory.id)?.["n"]);
  };
  const overwrite = (n: number, memory: Memory): void => {
    dropFromIndex(sql, "memory", n);
    sql.run(
      `UPDATE memory SET twin_key = ?, ${COLUMNS.map((column) => `${column} = ?`).join(", ")} WHERE n = ?`,
      twinKey(memory),
      ...valuesOf(memory),
      n,
    );
  };
  const dropMemory = (n: number): void => {
    dropFromIndex(sql, "memory", n);
    sql.run("DELETE FROM memory WHERE n = ?", n);
  };
  /** The entity of a node: one of that name that is there already, whoever named it. */
  const entityFor = (name: string, type: string, now: number): number => {
    const same = sql.get("SELECT n FROM entity WHERE name = ? ORDER BY type <> ?, n LIMIT 1", name, type);
    if (same === undefined || type === "Package") return graph.place({ name, type }, now);
    // What was known only as the end of a relation takes its kind from the code.
    sql.run("UPDATE entity SET type = ? WHERE n = ? AND type = 'unknown'", type, Number(same["n"]));
    return Number(same["n"]);
  };
  return {
    async codeTree(root) {
      const known = sql.get("SELECT n, root, prefix FROM code_tree WHERE root = ?", root);
      if (known !== undefined) return toTree(known);
      const prefix = freePrefix(
        root,
        new Set(sql.all("SELECT prefix FROM code_tree").map((row) => row["prefix"])),
      );
      sql.run("INSERT INTO code_tree (root, prefix) VALUES (?, ?)", root, prefix);
      return toTree(sql.get("SELECT n, root, prefix FROM code_tree WHERE root = ?", root) ?? {});
    },
    async codeTrees() {
      return sql.all("SELECT n, root, prefix FROM code_tree ORDER BY n").map(toTree);
    },
    async codeFiles(tree) {
      return sql
        .all("SELECT path, blob, reader, facts FROM code_file WHERE tree_n = ? ORDER BY path", tree.n)
        .map((row): CodeFile => {
          const { facts, ...file } = parseRow(FileRow, row);
          return { ...file, facts: Facts.parse(JSON.parse(facts)) };
        });
    },
    async keepCodeFile(tree, { path, blob, reader, facts, text }, writing) {
      const known = memoryOf(tree, path);
      const named = tree.prefix + path;
      const made = newMemory(
        {
          kind: "code",
          title: named.slice(-MAX_TITLE),
          text,
          source: { path: named, blob },
          entities: [{ name: named, type: moduleNode(path).type }],
        },
        known?.memory.id ?? newId("mem"),
        writing,
      );
      const memory =
        known === undefined
          ? made
          : { ...made, version: known.memory.version + 1, createdAt: known.memory.createdAt };
      const n = known?.n ?? insert(memory);
      if (known !== undefined) overwrite(n, memory);
      addToIndex(sql, "memory", n, memory);
      sql.run(
        "INSERT INTO mention (entity_n, memory_n) VALUES (?, ?) ON CONFLICT DO NOTHING",
        entityFor(named, moduleNode(path).type, writing.now),
        n,
      );
      sql.run(
        `INSERT INTO code_file (tree_n, path, blob, reader, memory_id, facts) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET blob = excluded.blob, reader = excluded.reader, memory_id = excluded.memory_id, facts = excluded.facts`,
        tree.n,
        path,
        blob,
        reader,
        memory.id,
        JSON.stringify(facts),
      );
    },
    async dropCodeFiles(tree, paths) {
      for (const path of paths) {
        const known = memoryOf(tree, path);
        if (known !== undefined) dropMemory(known.n);
        sql.run("DELETE FROM code_file WHERE tree_n = ? AND path = ?", tree.n, path);
      }
    },
    async setCodeGraph(tree, edges, pairs, now) {
      const numbers = new Map<string, number>();
      const nodes = new Map<number, CodeNode>();
      const numberOf = (node: CodeNode): number => {
        const name = node.type === "Package" ? node.name : tree.prefix + node.name;
        const key = `${node.type}\n${name}`;
        const n = numbers.get(key) ?? entityFor(name, node.type, now);
        numbers.set(key, n);
        nodes.set(n, node);
        return n;
      };
      const wanted = new Map<string, string>();
      const want = (from: CodeNode, type: string, to: CodeNode, properties: object): void => {
        const ends = [numberOf(from), numberOf(to)] as const;
        if (ends[0] !== ends[1]) wanted.set(`${ends[0]} ${type} ${ends[1]}`, JSON.stringify(properties));
      };
      for (const row of sql.all("SELECT path FROM code_file WHERE tree_n = ?", tree.n))
        numberOf(moduleNode(String(row["path"])));
      for (const { from, type, to } of edges) want(from, type, to, {});
      for (const { a, b, together, of } of pairs)
        want(moduleNode(a), "CHANGED_WITH", moduleNode(b), { commits: together, of });

      const gone: number[] = [];
      const owned = sql.all(
        "SELECT r.n AS n, from_n, type, to_n, properties FROM code_relation c JOIN relation r ON r.n = c.relation_n WHERE c.tree_n = ?",
        tree.n,
      );
      for (const row of owned) {
        const { n, from_n: from, type, to_n: to, properties } = parseRow(OwnedRow, row);
        const key = `${from} ${type} ${to}`;
        const now = wanted.get(key);
        wanted.delete(key);
        if (now === undefined) gone.push(n);
        else if (now !== properties) sql.run("UPDATE relation SET properties = ? WHERE n = ?", now, n);
      }
      const total = owned.length - gone.length + wanted.size;
      for (const n of gone) sql.run("DELETE FROM relation WHERE n = ?", n);
      if (gone.length > 0) sql.run("UPDATE graph_epoch SET epoch = epoch + 1");
      for (const [key, properties] of wanted) {
        const [from = "", type = "", to = ""] = key.split(" ");
        const isNew = sql.run(
          "INSERT INTO relation (id, from_n, type, to_n, properties, created_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
          newId("rel"),
          Number(from),
          type,
          Number(to),
          properties,
          now,
        );
        if (isNew > 0)
          sql.run("INSERT INTO code_relation (relation_n, tree_n) SELECT max(n), ? FROM relation", tree.n);
      }
      for (const [n, node] of nodes)
        sql.run(
          "INSERT INTO code_entity (tree_n, entity_n, symbol) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
          tree.n,
          n,
          symbolOf(node) ?? null,
        );
      forgetUnused(sql, tree, new Set(nodes.keys()));
      const symbols = [...nodes.values()].filter((node) => symbolOf(node) !== undefined).length;
      return { symbols, edges: total };
    },
  };
}

const MAX_TITLE = 300;

/** "" for the first tree, then the name of its folder. */
function freePrefix(root: string, taken: ReadonlySet<unknown>): string {
  if (!taken.has("")) return "";
  const name = root.slice(root.lastIndexOf("/") + 1);
  for (let count = 1; ; count += 1) {
    const prefix = count === 1 ? `${name}/` : `${name}-${count}/`;
    if (!taken.has(prefix)) return prefix;
  }
}

/** Lets go of the tree's entities that are no longer in it, and deletes those that nobody else speaks of. */
function forgetUnused(sql: Sql, tree: CodeTree, used: ReadonlySet<number>): void {
  const owned = sql.all("SELECT entity_n FROM code_entity WHERE tree_n = ?", tree.n);
  for (const n of owned.map((row) => Number(row["entity_n"]))) {
    if (used.has(n)) continue;
    sql.run("DELETE FROM code_entity WHERE tree_n = ? AND entity_n = ?", tree.n, n);
    sql.run(
      `DELETE FROM entity WHERE n = ?1
         AND NOT EXISTS (SELECT 1 FROM code_entity WHERE entity_n = ?1)
         AND NOT EXISTS (SELECT 1 FROM relation WHERE from_n = ?1 OR to_n = ?1)
         AND NOT EXISTS (SELECT 1 FROM observation WHERE entity_n = ?1)
         AND NOT EXISTS (SELECT 1 FROM mention WHERE entity_n = ?1)`,
      n,
    );
  }
}
