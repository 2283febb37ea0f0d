import fc from "fast-check";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { toIso } from "../../../../kernel/clock.ts";
import type { MemoryStore } from "../../../../servers/memory/index.ts";
import { callTool, connect, mustCall, type Connection } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

let store: MemoryStore;
let open: Connection;
let now: number;
let close: () => Promise<void>;

beforeEach(async () => {
  now = Date.UTC(2026, 0, 1);
  const opened = openForTest(":memory:", () => now);
  store = opened.store;
  open = await connect(opened.server);
  close = async () => {
    await open.close();
    await opened.server.close();
  };
});
afterEach(() => close());

const Whole = z.looseObject({
  id: z.string(),
  version: z.int(),
  text: z.string(),
  tags: z.array(z.string()),
});
const remember = async (item: object): Promise<string> => {
  const { items } = await mustCall(open.client, "remember", { items: [{ kind: "fact", ...item }] });
  return z.array(z.object({ id: z.string() })).parse(items)[0]?.id ?? "";
};
const update = (args: Record<string, unknown>) => mustCall(open.client, "update_memory", args);
const refusal = async (args: Record<string, unknown>) => {
  const answer = await callTool(open.client, "update_memory", args);
  return answer.ok ? undefined : answer.error;
};
const read = async (id: string) => {
  const { items } = await mustCall(open.client, "get_memories", { ids: [id] });
  return z.array(Whole).parse(items)[0];
};
const recalled = async (query: string, more: object = {}) =>
  z
    .array(z.object({ id: z.string() }))
    .parse((await mustCall(open.client, "recall", { query, ...more }))["hits"])
    .map(({ id }) => id);
const events = async () =>
  (await store.events({ after: 0, limit: 100 }))
    .filter(({ type }) => type !== "memory.recalled")
    .map(({ type, data }) => `${type} ${JSON.stringify(data)}`);

test("changes what is named and nothing else; words of the old version are found only where it held", async () => {
  const id = await remember({ text: "limit is five", title: "Limit", tags: ["a"], metadata: { n: 1 } });
  const before = now;
  now += 1_000;
  expect(await update({ id, if_version: 1, changes: { text: "limit is six" } })).toEqual({ id, version: 2 });
  expect(await read(id)).toMatchObject({
    text: "limit is six",
    title: "Limit",
    tags: ["a"],
    metadata: { n: 1 },
    version: 2,
  });
  expect(await recalled("five")).toEqual([]);
  expect(await recalled("six")).toEqual([id]);
  expect(await recalled("five", { as_of: toIso(before) })).toEqual([id]);
  // The same again changes nothing, and says so by the version.
  expect(await update({ id, changes: { text: "limit is six" } })).toEqual({ id, version: 2 });
  expect((await events()).slice(1)).toEqual(['memory.updated {"version":2}']);
});

test("null takes a field away, an end of validity too", async () => {
  const id = await remember({
    text: "x",
    title: "T",
    source: { path: "a.ts" },
    thread: { id: "t" },
    task_id: "tsk_1",
    valid_to: "2026-06-01",
  });
  await update({ id, changes: { title: null, source: null, thread: null, task_id: null, valid_to: null } });
  const whole = await read(id);
  for (const field of ["title", "source", "thread", "task_id", "valid_to"])
    expect(whole, field).not.toHaveProperty(field);
  expect(await update({ id, changes: { title: null } })).toEqual({ id, version: 2 });
});

test("a stale version: replace is a conflict and writes nothing, lww writes, union writes where nobody disagrees", async () => {
  const id = await remember({ text: "x", tags: ["a"], metadata: { owner: "me" } });
  await update({ id, if_version: 1, changes: { tags: ["b"] } });
  for (const [changes, merge] of [
    [{ tags: ["c"] }, "replace"],
    [{ text: "y" }, "union"],
    [{ tags: ["c"], metadata: { owner: "you" } }, "union"],
  ] as const) {
    expect(await refusal({ id, if_version: 1, changes, merge })).toMatchObject({
      code: "conflict",
      message: `${id} is at version 2, not 1`,
      retryable: false,
    });
  }
  expect(await read(id)).toMatchObject({ version: 2, tags: ["b"], text: "x", metadata: { owner: "me" } });
  expect((await events()).filter((event) => event.startsWith("memory.conflict"))).toEqual(
    Array.from({ length: 3 }, () => 'memory.conflict {"current_version":2,"if_version":1}'),
  );
  const union = {
    tags: ["c", "b"],
    metadata: { owner: "me", n: 1 },
    entities: [{ name: "e", type: "File" }],
  };
  expect(await update({ id, if_version: 1, changes: union, merge: "union" })).toEqual({ id, version: 3 });
  expect(await read(id)).toMatchObject({
    tags: ["b", "c"],
    metadata: { owner: "me", n: 1 },
    entities: [{ name: "e", type: "File" }],
  });
  expect(await update({ id, if_version: 1, changes: { text: "last" }, merge: "lww" })).toEqual({
    id,
    version: 4,
  });
});

test("unions of any order come to the same tags, entities and metadata", async () => {
  const word = fc.constantFrom("a", "b", "__proto__", "constructor", "é");
  const change = fc.record({
    tags: fc.array(word, { maxLength: 4 }),
    keys: fc.array(word, { maxLength: 3 }),
    names: fc.array(word, { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const outcomes = [];
      for (const order of [changes, changes.toReversed()]) {
        const id = await remember({ text: `t ${fc.stringify(changes)} ${(now += 1)}` });
        for (const { tags, keys, names } of order) {
          const metadata: unknown = JSON.parse(
            `{${[...new Set(keys)].map((key) => `${JSON.stringify(key)}:1`).join(",")}}`,
          );
          const entities = names.map((name) => ({ name, type: "T" }));
          await update({ id, if_version: 1, changes: { tags, metadata, entities }, merge: "union" });
        }
        const whole = await read(id);
        outcomes.push({
          tags: whole?.tags.toSorted(),
          keys: Object.keys(z.custom<object>().parse(whole?.["metadata"])).toSorted(),
          names: [...new Set(changes.flatMap(({ names }) => names))].every((name) =>
            JSON.stringify(whole?.["entities"]).includes(JSON.stringify(name)),
          ),
        });
      }
      expect(outcomes[0]).toEqual(outcomes[1]);
      expect(outcomes[0]).toEqual({
        tags: [...new Set(changes.flatMap(({ tags }) => tags))].toSorted(),
        keys: [...new Set(changes.flatMap(({ keys }) => keys))].toSorted(),
        names: true,
      });
    }),
    { numRuns: 25 },
  );
});

test("the same key gives the same answer and changes once", async () => {
  const id = await remember({ text: "x" });
  const request = { id, changes: { text: "y" }, idempotency_key: "k" };
  const first = await update(request);
  await update({ id, changes: { text: "z" } });
  expect(await update(request)).toEqual(first);
  expect(await read(id)).toMatchObject({ text: "z", version: 3 });
  expect(await refusal({ ...request, changes: { text: "other" } })).toMatchObject({ code: "conflict" });
});

test("what cannot be changed is refused, and nothing of it is kept", async () => {
  const id = await remember({ text: "x", tags: Array.from({ length: 49 }, (_, i) => `t${i}`) });
  const old = await remember({ text: "old" });
  await remember({ text: "new", supersedes: old });
  for (const [args, code] of [
    [{ id, changes: {} }, "invalid"],
    [{ id, changes: { text: "" } }, "invalid"],
    [{ id, changes: { text: "a\0b" } }, "invalid"],
    [{ id, changes: { tags: ["\ud800"] } }, "invalid"],
    [{ id, changes: { valid_from: "yesterday" } }, "invalid"],
    [{ id, changes: { valid_from: "2026-02-01", valid_to: "2026-01-01" } }, "invalid"],
    [{ id, changes: { tags: ["u1", "u2"] }, merge: "union" }, "limit"],
    [{ id, changes: { text: "x".repeat(300_000) } }, "limit"],
    [{ id: "mem_0000000000000000", changes: { text: "y" } }, "not_found"],
    [{ id: "'; DROP TABLE memory; --", changes: { text: "y" } }, "not_found"],
    [{ id: old, changes: { text: "y" } }, "invalid_state"],
    [{ id, changes: { space: "agent:a" } }, undefined],
    [{ id, changes: { supersedes: old } }, undefined],
    [{ id, changes: [] }, undefined],
    [{ id, changes: { text: null } }, undefined],
    [{ id, changes: { text: "y" }, merge: "newest" }, undefined],
  ] as const) {
    const error = await refusal(args);
    expect(error, JSON.stringify(args).slice(0, 80)).toBeDefined();
    if (code !== undefined) expect(error, JSON.stringify(args).slice(0, 80)).toMatchObject({ code });
  }
  expect(await read(id)).toMatchObject({ text: "x", version: 1 });
  expect((await events()).filter((event) => event.startsWith("memory.updated"))).toHaveLength(1);
});

test(
  "3 processes that unite tags into one memory, all from version 1, lose none",
  { timeout: 60_000 },
  async () => {
    const home = mkdtempSync(join(tmpdir(), "slipway-memory-"));
    try {
      const shared = openForTest(join(home, "memory.db"));
      const { client, close: leave } = await connect(shared.server);
      const { items } = await mustCall(client, "remember", { items: [{ text: "shared", kind: "fact" }] });
      const id = z.array(z.object({ id: z.string() })).parse(items)[0]?.id ?? "";
      const writers = ["ash", "birch", "cedar"];
      const codes = await Promise.all(writers.map((name) => tag(home, id, name, 10)));
      expect(codes).toEqual([0, 0, 0]);
      const answer = await mustCall(client, "get_memories", { ids: [id], max_tokens: 20_000 });
      const [whole] = z.array(Whole).parse(answer["items"]);
      expect(whole?.version).toBe(31);
      expect(whole?.tags.toSorted()).toEqual(
        writers.flatMap((name) => Array.from({ length: 10 }, (_, i) => `${name}-${i}`)).toSorted(),
      );
      await leave();
      await shared.server.close();
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  },
);

function tag(home: string, id: string, name: string, count: number): Promise<number | null> {
  const script = fileURLToPath(new URL("./tagger.ts", import.meta.url));
  const child = spawn(process.execPath, [script, home, id, name, String(count)], { stdio: "inherit" });
  return new Promise((resolve) => child.on("exit", resolve));
}
