import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { toIso } from "../../../../kernel/clock.ts";
import { checkFile } from "../../../../kernel/sqlite/check.ts";
import type { MemoryStore } from "../../../../servers/memory/index.ts";
import { callTool, connect, mustCall, type Connection } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

let home: string;
let store: MemoryStore;
let open: Connection;
let now: number;
let close: () => Promise<void>;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "slipway-memory-"));
  now = Date.UTC(2026, 0, 1);
  const opened = openForTest(join(home, "memory.db"), () => now);
  store = opened.store;
  open = await connect(opened.server);
  close = async () => {
    await open.close();
    await opened.server.close();
  };
});
afterEach(async () => {
  await close();
  rmSync(home, { recursive: true, force: true });
});

const remember = async (item: object): Promise<string> => {
  const { items } = await mustCall(open.client, "remember", { items: [{ kind: "fact", ...item }] });
  return z.array(z.object({ id: z.string() })).parse(items)[0]?.id ?? "";
};
const call = (name: string, args: Record<string, unknown>) => mustCall(open.client, name, args);
const recalled = async (query: string, more: object = {}) =>
  z
    .array(z.object({ id: z.string() }))
    .parse((await call("recall", { query, ...more }))["hits"])
    .map(({ id }) => id);
const events = () => store.events({ after: 0, limit: 100, types: ["memory.forgotten"] });

/** Tables of the file in which a word stands, the insides of the search indexes included. */
function tablesWith(word: string): readonly string[] {
  const db = new DatabaseSync(join(home, "memory.db"), { readOnly: true });
  const names = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")
    .all()
    .map((row) => String(row["name"]));
  const holding = names.filter((name) => {
    const rows = db.prepare(`SELECT * FROM ${name}`);
    // Row numbers of an index are larger than JavaScript's.
    rows.setReadBigInts(true);
    return rows
      .all()
      .some((row) =>
        Object.values(row).some((value) =>
          (value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value))).includes(word),
        ),
      );
  });
  db.close();
  return holding;
}

test("forgetting ends what holds and keeps what held; an update brings it back", async () => {
  const id = await remember({ text: "the deploy key rotates weekly" });
  const before = now;
  now += 1_000;
  expect(await call("forget_memories", { ids: [id, "mem_none", id], reason: "wrong" })).toEqual({
    forgotten: [id],
    missing: ["mem_none"],
  });
  expect(await recalled("deploy")).toEqual([]);
  expect(await recalled("deploy", { as_of: toIso(before) })).toEqual([id]);
  const { items } = await call("get_memories", { ids: [id] });
  expect(items).toMatchObject([{ version: 2, valid_to: toIso(now), text: "the deploy key rotates weekly" }]);
  expect((await events()).map(({ subject, data }) => ({ subject, data }))).toEqual([
    { subject: id, data: { reason: "wrong", purge: false, version: 2 } },
  ]);
  // Who still holds the version before is told.
  const stale = await callTool(open.client, "update_memory", {
    id,
    if_version: 1,
    changes: { text: "the deploy key rotates daily" },
  });
  expect(stale).toMatchObject({ ok: false, error: { code: "conflict" } });
  now += 1_000;
  await call("update_memory", { id, if_version: 2, changes: { text: "the deploy key rotates daily" } });
  expect(await recalled("daily")).toEqual([id]);
  expect(await recalled("weekly", { as_of: toIso(before + 500) })).toEqual([id]);
  expect(await recalled("deploy", { as_of: toIso(before + 1_500) })).toEqual([]);
});

test("the same text can be remembered anew after it was forgotten, and forgetting twice is one event", async () => {
  const id = await remember({ text: "x y z" });
  const request = { ids: [id], reason: "r", idempotency_key: "k" };
  expect(await call("forget_memories", request)).toEqual(await call("forget_memories", request));
  now += 1;
  expect(await call("forget_memories", { ids: [id], reason: "r" })).toEqual({ forgotten: [id], missing: [] });
  expect(await events()).toHaveLength(1);
  expect(await remember({ text: "x y z" })).not.toBe(id);
});

test("a purge leaves no word of it in any table, old versions and the insides of the index included", async () => {
  const kept = await remember({ text: "kept words" });
  const id = await remember({ text: "qwxsecretone", title: "qwxtitle", tags: ["qwxtag"] });
  await call("update_memory", { id, changes: { text: "qwxsecrettwo", metadata: { k: "qwxmeta" } } });
  expect(tablesWith("qwxsecret")).toEqual(
    expect.arrayContaining(["memory", "memory_version", "memory_search_data", "memory_version_search_data"]),
  );
  expect(await call("forget_memories", { ids: [id], reason: "a secret", purge: true })).toEqual({
    forgotten: [id],
    missing: [],
  });
  expect(tablesWith("qwx")).toEqual([]);
  expect(await recalled("qwxsecretone", { as_of: toIso(now) })).toEqual([]);
  expect((await call("get_memories", { ids: [id] }))["missing"]).toEqual([id]);
  expect(await recalled("kept")).toEqual([kept]);
  expect((await events()).map(({ data }) => data)).toEqual([
    { reason: "a secret", purge: true, versions: 2 },
  ]);
  expect(checkFile(join(home, "memory.db"))).toEqual([]);
  // Again: there is nothing left to forget, and nothing is recorded.
  expect(await call("forget_memories", { ids: [id], reason: "again", purge: true })).toEqual({
    forgotten: [],
    missing: [id],
  });
  expect(await events()).toHaveLength(1);
});

test("what is forgotten already can be purged, and so can what was superseded", async () => {
  const old = await remember({ text: "old words" });
  const next = await remember({ text: "new words", supersedes: old });
  await call("forget_memories", { ids: [next], reason: "r" });
  expect(await call("forget_memories", { ids: [next, old], reason: "r", purge: true })).toMatchObject({
    forgotten: [next, old],
  });
  expect(tablesWith("words")).toEqual([]);
});

test("what cannot be forgotten is refused, and nothing is", async () => {
  const id = await remember({ text: "x" });
  for (const [args, code] of [
    [{ ids: [id], reason: " " }, "invalid"],
    [{ ids: [id], reason: "a\0b" }, "invalid"],
    [{ ids: [id], reason: "r".repeat(501) }, "limit"],
    [{ ids: Array.from({ length: 201 }, () => id), reason: "r" }, "limit"],
    [{ ids: [], reason: "r" }, undefined],
    [{ ids: [id] }, undefined],
  ] as const) {
    const answer = await callTool(open.client, "forget_memories", args);
    expect(answer.ok, JSON.stringify(args).slice(0, 80)).toBe(false);
    if (!answer.ok && code !== undefined) expect(answer.error).toMatchObject({ code });
  }
  const hostile = ["') OR 1=1 --", "*", "%", "__proto__", "x".repeat(9_000), "\ud800"];
  const { forgotten, missing } = await call("forget_memories", { ids: hostile, reason: "r", purge: true });
  expect({ forgotten, count: z.array(z.string().max(40)).parse(missing).length }).toEqual({
    forgotten: [],
    count: hostile.length,
  });
  expect(await recalled("x")).toEqual([id]);
});
