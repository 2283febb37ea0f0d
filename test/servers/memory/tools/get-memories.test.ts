import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { ToolServer } from "../../../../kernel/mcp/server.ts";
import { callTool, connect, mustCall, type Connection } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

let server: ToolServer;
let open: Connection;
beforeEach(async () => {
  ({ server } = openForTest(":memory:", () => Date.UTC(2026, 0, 1)));
  open = await connect(server);
});
afterEach(async () => {
  await open.close();
  await server.close();
});

const Page = z.object({
  items: z.array(z.looseObject({ id: z.string(), text: z.string() })),
  missing: z.array(z.string()),
  next_cursor: z.string().optional(),
});
const get = async (args: object) => Page.parse(await mustCall(open.client, "get_memories", { ...args }));
const remember = async (...items: readonly object[]): Promise<string[]> => {
  const answer = await mustCall(open.client, "remember", { items });
  return z
    .array(z.object({ id: z.string() }))
    .parse(answer["items"])
    .map(({ id }) => id);
};

test("gives everything back in the order asked, and names what is missing", async () => {
  const full = {
    text: "the text",
    kind: "decision",
    title: "T",
    space: "agent:ada",
    source: { path: "a.ts", commit: "c1" },
    thread: { id: "t", seq: 3, author: "Bob" },
    tags: ["x"],
    metadata: { n: 1, deep: { list: [null] } },
    entities: [{ name: "Queue", type: "Class" }],
    task_id: "tsk_1",
    valid_from: "2025-01-01T00:00:00.000Z",
    valid_to: "2027-01-01T00:00:00.000Z",
  };
  const [a, b] = await remember({ text: "other", kind: "fact" }, full);
  const answer = await get({ ids: [b, "mem_none", a, b] });
  expect(answer.items.map(({ id }) => id)).toEqual([b, a]);
  expect(answer.items[0]).toEqual({
    ...full,
    id: b,
    version: 1,
    trust: "agent",
    principal: "local",
    created_at: "2026-01-01T00:00:00.000Z",
    updated_at: "2026-01-01T00:00:00.000Z",
  });
  expect(answer.missing).toEqual(["mem_none"]);
});

test("a large text of our own comes back byte for byte, page by page", async () => {
  const text = 'line é 😀👨‍👩‍👧 \u202e\ufeff \u001b[31m "quoted"\n'.repeat(2_500);
  const [id] = await remember({ text, kind: "fact" }, { text: "after", kind: "fact" });
  let read = "";
  let cursor: string | undefined;
  do {
    const page = await get({ ids: [id], max_tokens: 20_000, ...(cursor === undefined ? {} : { cursor }) });
    read += page.items.map((item) => item.text).join("");
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  expect(read).toBe(text);
});

test("answers stay inside max_tokens even when the fields around the text are bulky", async () => {
  const [id] = await remember({
    text: "x".repeat(5_000),
    kind: "fact",
    metadata: { a: "y".repeat(8_000) },
    tags: Array.from({ length: 50 }, (_, i) => `${i}`.repeat(60)),
  });
  for (const max_tokens of [200, 2_000]) {
    const answer = await mustCall(open.client, "get_memories", { ids: [id], max_tokens });
    expect(encode(JSON.stringify(answer)).length).toBeLessThanOrEqual(max_tokens);
    expect(answer).toMatchObject({ items: [{ id, omitted: expect.arrayContaining(["metadata"]) }] });
  }
  expect((await get({ ids: [id], max_tokens: 20_000 })).items[0]).toMatchObject({
    metadata: { a: "y".repeat(8_000) },
  });
});

test("metadata with any key survives the wire", async () => {
  const metadata: unknown = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}');
  const [id] = await remember({ text: "keys", kind: "fact", metadata });
  const { items } = await mustCall(open.client, "get_memories", { ids: [id] });
  expect(JSON.stringify(items)).toContain('"metadata":{"__proto__":{"polluted":true},"constructor":1}');
  expect({}).not.toHaveProperty("polluted");
});

test("outside text is cleaned and says so; bad cursors are refused", async () => {
  const [id] = await remember({ text: "a\u001b[31mb", kind: "doc", source: { uri: "https://example.com" } });
  expect((await get({ ids: [id] })).items).toMatchObject([{ text: "ab", cleaned: true, trust: "outside" }]);
  expect(await callTool(open.client, "get_memories", { ids: [id], cursor: "zzz" })).toMatchObject({
    ok: false,
    error: { code: "invalid" },
  });
  expect((await callTool(open.client, "get_memories", { ids: [] })).ok).toBe(false);
});
