import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tasksForTest } from "../../../support/tasks.ts";
import { codeOf, run } from "../call.ts";

let queue: ReturnType<typeof tasksForTest>;
beforeEach(() => void (queue = tasksForTest()));
afterEach(() => queue.server.close());

interface Read {
  messages: { seq: number; from: string; to: string; text: string; truncated?: string[] }[];
  next_cursor?: number;
}
const register = (name: string, role: string) => run(queue.server, "register_agent", { name, role });
const send = (args: Record<string, unknown>) => run<{ seq: number }>(queue.server, "send_message", args);
const read = (args: Record<string, unknown>) => run<Read>(queue.server, "read_messages", args);
const texts = ({ messages }: Read): readonly string[] => messages.map(({ text }) => text);

const NAMES = ["ann", "bob", "cid"] as const;
const ROLES = { ann: "writer", bob: "writer", cid: "reader" } as const;

test("whatever is sent and read in whatever order, each agent gets its messages in order and once", async () => {
  const step = fc.oneof(
    fc.record({ from: fc.constantFrom(...NAMES), to: fc.constantFrom(...NAMES, "writer", "reader", "all") }),
    fc.record({ reader: fc.constantFrom(...NAMES), max_tokens: fc.constantFrom(200, 2_000) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await queue.server.close();
      queue = tasksForTest();
      for (const name of NAMES) await register(name, ROLES[name]);
      const got: Record<string, string[]> = { ann: [], bob: [], cid: [] };
      const expected: Record<string, string[]> = { ann: [], bob: [], cid: [] };
      let sent = 0;
      for (const one of steps) {
        if ("reader" in one) {
          got[one.reader]?.push(...texts(await read({ agent: one.reader, max_tokens: one.max_tokens })));
          continue;
        }
        sent += 1;
        const text = `message ${sent}`;
        await send({ ...one, text });
        for (const name of NAMES) {
          const isToAll = (one.to === "all" || one.to === ROLES[name]) && one.from !== name;
          if (one.to === name || isToAll) expected[name]?.push(text);
        }
      }
      for (const name of NAMES) {
        for (let page: Read | undefined; page === undefined || page.next_cursor !== undefined;) {
          page = await read({ agent: name, max_tokens: 200 });
          got[name]?.push(...texts(page));
        }
        expect((await read({ agent: name })).messages).toEqual([]);
      }
      expect(got).toEqual(expected);
    }),
    { numRuns: 30 },
  );
}, 30_000);

test("a message tells who sent it, when, and about which task", async () => {
  const { tasks } = await run<{ tasks: { id: string }[] }>(queue.server, "add_tasks", {
    tasks: [{ title: "a" }],
  });
  const task_id = tasks[0]?.id;
  expect(await send({ to: "ann", text: "look at this", from: "bob", task_id })).toEqual({ seq: 1 });
  expect(await read({ agent: "ann" })).toEqual({
    messages: [
      { seq: 1, from: "bob", to: "ann", at: "2026-01-01T00:00:00.000Z", task_id, text: "look at this" },
    ],
  });
  const { events } = await run<{ events: unknown[] }>(queue.server, "read_events", {
    types: ["message.sent"],
  });
  expect(events).toMatchObject([{ subject: "ann", data: { seq: 1, from: "bob", task_id } }]);
  expect(await codeOf(queue.server, "send_message", { to: "ann", text: "x", task_id: "tsk_none" })).toBe(
    "not_found",
  );
  expect(await codeOf(queue.server, "register_agent", { name: "all" })).toBe("invalid");
});

test("a reading whose answer was lost is answered again, and after goes back without losing the place", async () => {
  for (const text of ["a", "b", "c"]) await send({ to: "ann", text });
  const first = await read({ agent: "ann", idempotency_key: "k" });
  expect(texts(first)).toEqual(["a", "b", "c"]);
  expect(await read({ agent: "ann", idempotency_key: "k" })).toEqual(first);
  expect(texts(await read({ agent: "ann", after: 1 }))).toEqual(["b", "c"]);
  expect(texts(await read({ agent: "ann" }))).toEqual([]);
  // An empty reading keeps no key: there may be something the next time.
  await read({ agent: "ann", idempotency_key: "empty" });
  await send({ to: "ann", text: "d" });
  expect(texts(await read({ agent: "ann", idempotency_key: "empty" }))).toEqual(["d"]);
});

test("reading goes on where a small budget ended, and long texts are cut and told", async () => {
  const long = "修复解析器 🚀 ".repeat(400).slice(0, 4_000);
  for (let i = 0; i < 3; i += 1) await send({ to: "all", text: long, from: "bob" });
  for (let i = 1; i <= 3; i += 1) {
    const page = await read({ agent: "ann", max_tokens: 200 });
    expect(page).toMatchObject({ messages: [{ seq: i, truncated: ["text"] }] });
    expect(page.next_cursor).toBe(i < 3 ? i : undefined);
    expect(countTokens(JSON.stringify(page))).toBeLessThanOrEqual(200);
  }
  expect(texts(await read({ agent: "ann", after: 2, max_tokens: 20_000 }))).toEqual([long]);
});

test("what was sent to a role waits for whoever takes it later, though others read meanwhile", async () => {
  await register("ann", "writer");
  await send({ from: "bob", to: "ann", text: "for ann" });
  await send({ from: "bob", to: "reviewer", text: "for a reviewer" });
  expect(texts(await read({ agent: "ann" }))).toEqual(["for ann"]);
  await register("ann", "reviewer");
  expect(texts(await read({ agent: "ann" }))).toEqual(["for a reviewer"]);
});
