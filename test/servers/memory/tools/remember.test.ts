import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { MemoryStore } from "../../../../servers/memory/index.ts";
import { callTool, connect, mustCall, type Connection } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

let store: MemoryStore;
let open: Connection;
let now = 1_000;
let close: () => Promise<void>;

beforeEach(async () => {
  const opened = openForTest(":memory:", () => now);
  store = opened.store;
  open = await connect(opened.server);
  close = async () => {
    await open.close();
    await opened.server.close();
  };
});
afterEach(() => close());

const remember = (...items: readonly object[]) => mustCall(open.client, "remember", { items });
const refusal = async (...items: readonly object[]) => {
  const answer = await callTool(open.client, "remember", { items });
  return answer.ok ? undefined : answer.error;
};
const Items = z.array(z.object({ id: z.string(), version: z.int(), status: z.string() }));
const idsOf = (answer: Record<string, unknown>): string[] => Items.parse(answer["items"]).map(({ id }) => id);
const one = async (item: object) =>
  Items.length(1).parse((await remember(item))["items"])[0] ?? { id: "", version: 0, status: "" };
const eventTypes = async () =>
  (await store.events({ after: 0, limit: 100 })).map(({ type, subject }) => `${type} ${subject}`);

test("keeps the order of a batch and tells duplicates, inside it and across calls", async () => {
  const first = await remember(
    { text: "a", kind: "fact" },
    { text: "b", kind: "fact" },
    { text: "a", kind: "fact" },
    { text: "a", kind: "bug" },
  );
  expect(first["items"]).toMatchObject([
    { status: "created", version: 1 },
    { status: "created" },
    { status: "duplicate" },
    { status: "created" },
  ]);
  const ids = idsOf(first);
  expect(ids[2]).toBe(ids[0]);
  expect(await one({ text: "b", kind: "fact", tags: ["new"] })).toEqual({
    id: ids[1],
    version: 1,
    status: "duplicate",
  });
  expect(await eventTypes()).toEqual([ids[0], ids[1], ids[3]].map((id) => `memory.remembered ${id}`));
});

test("updates by id with the version the caller saw; a stale one is a conflict that names the current version and writes nothing", async () => {
  const { id } = await one({ text: "limit is 5", kind: "fact", title: "Limit" });
  expect(await one({ text: "limit is 6", kind: "fact", id, if_version: 1 })).toEqual({
    id,
    version: 2,
    status: "updated",
  });
  const error = await refusal(
    { text: "unrelated", kind: "fact" },
    { text: "limit is 7", kind: "fact", id, if_version: 1 },
  );
  expect(error).toMatchObject({ code: "conflict", message: `${id} is at version 2, not 1` });
  const { items } = await mustCall(open.client, "get_memories", { ids: [id] });
  expect(items).toMatchObject([{ text: "limit is 6", title: "Limit", version: 2 }]);
  expect((await mustCall(open.client, "recall", { query: "unrelated" }))["hits"]).toEqual([]);
  expect((await eventTypes()).filter((type) => !type.startsWith("memory.recalled"))).toEqual([
    `memory.remembered ${id}`,
    `memory.updated ${id}`,
    `memory.conflict ${id}`,
  ]);
  const [conflict] = await store.events({ after: 0, limit: 9, types: ["memory.conflict"] });
  expect(conflict?.data).toEqual({ if_version: 1, current_version: 2 });
});

test("supersedes: the old memory ends where the new one begins, and is never superseded twice", async () => {
  const old = await one({ text: "deploys go by hand", kind: "decision" });
  now += 1_000;
  const next = await one({ text: "deploys go by pipeline", kind: "decision", supersedes: old.id });
  const { items } = await mustCall(open.client, "get_memories", { ids: [old.id, next.id] });
  expect(items).toMatchObject([
    { superseded_by: next.id, valid_to: new Date(now).toISOString() },
    { supersedes: old.id },
  ]);
  expect((await mustCall(open.client, "recall", { query: "deploys" }))["hits"]).toMatchObject([
    { id: next.id },
  ]);
  expect(await refusal({ text: "deploys go by moon", kind: "decision", supersedes: old.id })).toMatchObject({
    code: "conflict",
  });
  expect(await refusal({ text: "x", kind: "decision", id: old.id })).toMatchObject({ code: "invalid_state" });
  expect((await one({ text: "deploys go by hand", kind: "decision" })).status).toBe("created");
});

test("the same idempotency key twice is one memory and one answer", async () => {
  const args = { items: [{ text: "once", kind: "fact" }], idempotency_key: "k" };
  const first = await mustCall(open.client, "remember", args);
  expect(await mustCall(open.client, "remember", args)).toEqual(first);
  expect((await eventTypes()).length).toBe(1);
});

test("200 parallel calls: every one is kept", async () => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => remember({ text: `parallel ${i}`, kind: "fact" })),
  );
  const ids = answers.flatMap(idsOf);
  expect(new Set(ids).size).toBe(200);
  expect((await store.read((tx) => tx.find(ids))).size).toBe(200);
});

for (const [what, item, error] of [
  ["a text over 200 KB", { text: "x".repeat(300_000), kind: "fact" }, { code: "limit" }],
  ["NUL", { text: "a\0b", kind: "fact" }, { code: "invalid" }],
  ["a lone surrogate", { text: "a\ud800", kind: "fact" }, { code: "invalid" }],
  ["an unknown id", { text: "a", kind: "fact", id: "mem_none" }, { code: "not_found" }],
  ["an unknown superseded id", { text: "a", kind: "fact", supersedes: "mem_none" }, { code: "not_found" }],
  ["if_version without id", { text: "a", kind: "fact", if_version: 1 }, { code: "invalid" }],
  ["a strange space", { text: "a", kind: "fact", space: "team:a" }, { code: "invalid" }],
  ["a time without a zone", { text: "a", kind: "fact", valid_from: "tomorrow" }, { code: "invalid" }],
  ["an unknown kind", { text: "a", kind: "rumour" }, {}],
  ["an unknown field", { text: "a", kind: "fact", priority: 1 }, {}],
] as const) {
  test(`refuses ${what}, and with it the whole batch`, async () => {
    expect(await refusal({ text: "good", kind: "fact" }, item)).toMatchObject(error);
    expect(await eventTypes()).toEqual([]);
  });
}

test("201 items are refused with the limit", async () => {
  const items = Array.from({ length: 201 }, (_, i) => ({ text: `t${i}`, kind: "fact" }));
  expect(await refusal(...items)).toMatchObject({
    code: "limit",
    message: "items has 201 entries, at most 200 are taken",
  });
  expect((await remember(...items.slice(1)))["items"]).toHaveLength(200);
});
