import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { memoryCheckCommand } from "../../../../servers/memory/cli/check.ts";
import { tokensOf } from "../../../../servers/memory/domain/tokens.ts";
import { connect, mustCall, type Connection } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

let home: string;
let open: Connection;
let close: () => Promise<void>;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "slipway-memory-"));
  const { server } = openForTest(join(home, "memory.db"));
  open = await connect(server);
  close = async () => {
    await open.close();
    await server.close();
  };
});
afterEach(async () => {
  await close();
  rmSync(home, { recursive: true, force: true });
});

const remember = async (...items: readonly object[]): Promise<readonly string[]> => {
  const answer = await mustCall(open.client, "remember", {
    items: items.map((item) => ({ kind: "fact", ...item })),
  });
  return z
    .array(z.object({ id: z.string() }))
    .parse(answer["items"])
    .map(({ id }) => id);
};
const stats = (args: Record<string, unknown> = { check: true }) =>
  mustCall(open.client, "get_memory_stats", args);
const recalled = async (query: string) =>
  z
    .array(z.object({ id: z.string() }))
    .parse((await mustCall(open.client, "recall", { query }))["hits"])
    .map(({ id }) => id);

/** Runs the command as another process would. */
async function check(...args: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await memoryCheckCommand([...args, "--home", home], {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    env: {},
    cwd: home,
    terminal: undefined,
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

function harm(sql: string): void {
  const db = new DatabaseSync(join(home, "memory.db"), { defensive: false });
  db.exec(sql);
  db.close();
}

test("counts by kind and space, versions, relations and conflicts", async () => {
  const [id] = await remember({ text: "a" }, { text: "b", kind: "bug" }, { text: "c", space: "agent:x" });
  await mustCall(open.client, "update_memory", { id, changes: { text: "d" } });
  await mustCall(open.client, "relate_entities", {
    relations: [{ from: "x", type: "uses", to: "y" }],
  });
  expect(await stats({})).toEqual({
    memories: 3,
    replaced: 1,
    entities: 2,
    relations: 1,
    observations: 0,
    conflicts: 0,
    by_kind: { bug: 1, fact: 2 },
    by_space: { shared: 2, "agent:x": 1 },
    model: null,
    vectors: [],
    index: { entries: 4 },
  });
  expect((await stats())["index"]).toEqual({
    entries: 4,
    sound: true,
    unreachable_count: 0,
    unreachable: [],
  });
  expect(await check()).toMatchObject({ code: 0, out: [] });
});

test("the index can hold every token there is, of each letter, digit and mark alone and inside a word", async () => {
  await remember({ text: "a" });
  const db = new DatabaseSync(join(home, "memory.db"), { defensive: false });
  db.exec("BEGIN; DELETE FROM memory_search");
  const insert = db.prepare("INSERT INTO memory_search (title, text, names) VALUES ('', ?, '')");
  for (let point = 0; point < 0x2_0000; point += 1) {
    const character = String.fromCodePoint(point);
    if (/^(?!\p{Script=Han}|\p{Script=Hangul})[\p{L}\p{N}\p{M}]$/u.test(character))
      for (const token of tokensOf(`${character} x${character}_${character}`)) insert.run(token);
  }
  const held = Number(db.prepare("SELECT count(*) AS n FROM memory_search_docsize").get()?.["n"]);
  const lost = db.prepare("SELECT count(*) AS n FROM memory_search_docsize WHERE sz = x'000000'").get();
  db.exec("ROLLBACK");
  db.close();
  expect(held).toBeGreaterThan(20_000);
  expect(lost).toEqual({ n: 0 });
});

test("whatever was remembered and changed is found by the check", async () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "+ - *",
      "…",
      "a+b==c",
      "“x”",
      "AND OR NEAR(",
      "é",
      "漢字",
      "__proto__",
      '"',
      "x".repeat(500),
    ),
  );
  await fc.assert(
    fc.asyncProperty(text, text, async (first, second) => {
      const clean = (value: string) => `${value.toWellFormed().replaceAll("\0", "")}!`;
      const [id] = await remember({ text: clean(first), title: clean(second).slice(0, 300) });
      await mustCall(open.client, "update_memory", {
        id,
        changes: { text: clean(second), tags: [clean(first)].filter((tag) => tag.length <= 200) },
      });
    }),
    { numRuns: 60 },
  );
  expect((await stats())["index"]).toMatchObject({ sound: true, unreachable: [] });
});

test.each([
  ["an entry is gone", "DELETE FROM memory_search WHERE rowid = 2", /does not find mem_/],
  ["its length is gone", "DELETE FROM memory_search_docsize WHERE id = 2", /does not find mem_/],
  [
    "the entry says something else",
    "DELETE FROM memory_search WHERE rowid = 2; INSERT INTO memory_search (rowid, title, text, names) VALUES (2, 'other', '', '')",
    /does not find mem_/,
  ],
  ["an old version is not there", "DELETE FROM memory_version_search WHERE rowid = 1", /does not find mem_/],
  [
    "an entry belongs to nothing",
    "INSERT INTO memory_search (rowid, title, text, names) VALUES (99, '', 'ghost', '')",
    /1 entries of records that are not there/,
  ],
  ["pages are gone", "DELETE FROM memory_search_data WHERE id > 10", /damaged inside/],
])("%s: the check tells, the repair heals, nothing is lost", async (_, sql, told) => {
  const ids = await remember({ text: "first" }, { text: "second" }, { text: "third" });
  await mustCall(open.client, "update_memory", { id: ids[0], changes: { text: "fourth" } });
  harm(sql);
  const { index } = await stats();
  expect(index).toMatchObject({ sound: false, hint: "slipway memory check --repair" });
  const before = await check();
  expect(before.code).toBe(1);
  expect(before.out.join("\n")).toMatch(told);
  expect(await check("--repair")).toMatchObject({ code: 0, err: [expect.stringContaining("4 versions")] });
  expect((await stats())["index"]).toEqual({
    entries: 4,
    sound: true,
    unreachable_count: 0,
    unreachable: [],
  });
  // The server that ran all the while finds everything again.
  for (const [at, word] of ["fourth", "second", "third"].entries())
    expect(await recalled(word)).toEqual([ids[at]]);
  expect(await check()).toMatchObject({ code: 0, out: [] });
});

test("a hundred unreachable records are counted; as many as the budget takes are named", async () => {
  await remember(...Array.from({ length: 100 }, (_, i) => ({ text: `word ${i}` })));
  harm("INSERT INTO memory_search (memory_search) VALUES ('delete-all')");
  const { index } = await stats({ check: true, max_tokens: 400 });
  expect(index).toMatchObject({ sound: false, unreachable_count: 100, unreachable: { length: 10 } });
  const { out } = await check();
  expect([out.length, out.at(-1)]).toEqual([51, "search does not find 50 more"]);
});

test("what a repair cannot mend is left to a backup, and a missing store is said", async () => {
  await remember({ text: "a" });
  harm("UPDATE event SET data = '{}'");
  expect(await check("--repair")).toMatchObject({
    code: 1,
    out: ["event 1: the row was changed"],
    err: [expect.stringContaining("slipway memory restore")],
  });
  await expect(check("--home", join(home, "elsewhere"), "--repair")).resolves.toMatchObject({ code: 1 });
});
