import { createHash } from "node:crypto";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ToolServer } from "../../../../kernel/mcp/server.ts";
import { idSource } from "../../../../kernel/ids.ts";
import { silentLog } from "../../../../kernel/log.ts";
import { createTasksServer, openTaskStore } from "../../../../servers/tasks/index.ts";
import { codeOf, run } from "../call.ts";

// Real ids and tokens: they cost more tokens a character than anything else in an answer.
function realistic(): ToolServer {
  const now = Date.UTC(2026, 0, 1);
  let drawn = 0;
  const bytes = (count: number): Uint8Array => {
    drawn += 1;
    return createHash("sha256").update(String(drawn)).digest().subarray(0, count);
  };
  return createTasksServer({
    store: openTaskStore(":memory:", () => now),
    clock: () => now,
    newId: idSource(() => now, bytes),
    newToken: () => `clm_${Buffer.from(bytes(15)).toString("base64url")}`,
    random: () => 0,
    checkReceipt: () => null,
    log: silentLog,
  });
}
let server: ToolServer;
beforeEach(() => void (server = realistic()));
afterEach(() => server.close());

const tokensOf = (answer: unknown): number => countTokens(JSON.stringify(answer));

const words = fc.constantFrom(
  "the parser",
  "src/core/index.ts",
  "fails with ENOENT",
  "tsk_01kfz3q8m2c7w5x9",
  "2026-11-20T19:05:07.123Z",
  "größer",
  "修复解析器",
  "🚀",
  '{"a":1}',
  "const x = (y) => y ?? 0;",
  "\n",
  '"',
  "\\",
  "0x7f3a",
  "לבדוק",
  "[1,2,3]",
);
const prose = (max: number) =>
  fc.array(words, { maxLength: 60, size: "max" }).map((list) => list.join(" ").slice(0, max) || "x");
const bulk = fc.oneof(
  prose(5_000),
  fc.constantFrom("dd ".repeat(16_000), "don't panic. ".repeat(3_000), "1,".repeat(5_000)),
);
const names = (max: number) => fc.array(prose(max), { maxLength: 20 });
const task = fc.record({
  title: prose(500),
  description: bulk,
  type: prose(50),
  capabilities: names(100),
  paths: names(500),
  acceptance: fc.array(fc.record({ run: prose(1_000) }), { maxLength: 20 }),
  context: fc.json({ maxDepth: 4 }).map((text) => ({ text, data: JSON.parse(text) as unknown })),
  tools: names(100),
  milestone: prose(100),
  assignee: fc.constant("ann"),
  budget: fc.record({
    tokens: fc.nat().map((tokens) => tokens + 1),
    usd: fc.double({ min: 0.01, max: 1e9, noNaN: true }),
    wall_s: fc.nat(1_000_000).map((seconds) => seconds + 1),
  }),
});

test("whatever tasks hold, no answer costs more than it may", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(task, { minLength: 3, maxLength: 6 }),
      fc.integer({ min: 200, max: 3_000 }),
      prose(4_000),
      async (tasks, max_tokens, note) => {
        await server.close();
        server = realistic();
        const add = (more: Record<string, unknown>, ...list: readonly Record<string, unknown>[]) =>
          run<{ tasks: { id: string }[] }>(server, "add_tasks", {
            tasks: list.map((one) => ({ ...one, ...more })),
          });
        const capabilities = tasks.flatMap((one) => one.capabilities);
        const claim = () =>
          run<{ claim: { token: string } }>(server, "claim_task", { agent: "ann", capabilities, max_tokens });
        const check = (answer: unknown): void => expect(tokensOf(answer)).toBeLessThanOrEqual(max_tokens);
        const { tasks: added } = await add({ paths: [] }, ...tasks);
        const last = await add(
          { depends_on: added.map(({ id }) => id), paths: [] },
          { title: tasks[0]?.title, priority: 9 },
        );
        for (const _ of tasks) {
          const { claim: given } = await claim();
          await run(server, "report_progress", { token: given.token, note, checkpoint: { note } });
          check(
            await run(server, "complete_task", { token: given.token, output: { note } }).then(() => ({})),
          );
        }
        check(await claim());
        for (const id of [added[0]?.id, last.tasks[0]?.id]) {
          check(await run(server, "get_task", { id, max_tokens }));
          check(await run(server, "get_task", { id, max_tokens, include: ["dependencies", "dependents"] }));
        }
        check(await run(server, "list_tasks", { limit: 500, max_tokens }));
        await run(server, "register_agent", {
          name: "bob",
          role: note.slice(0, 100),
          capabilities: capabilities.slice(0, 50),
        });
        check(await run(server, "list_agents", { max_tokens }));
        for (let i = 0; i < 3; i += 1)
          await run(server, "send_message", { to: "bob", from: "ann", text: note });
        check(await run(server, "read_messages", { agent: "bob", max_tokens }));
        for (const id of [undefined, added[0]?.id, last.tasks[0]?.id])
          expect(tokensOf(await run(server, "explain_tasks", { id }))).toBeLessThanOrEqual(1_500);
        check(await run(server, "read_events", { limit: 1_000, max_tokens }));
      },
    ),
    { numRuns: 15, seed: 5 },
  );
});

test("five hundred tasks in one call are answered in order, and so is their unblocking", async () => {
  const tasks = Array.from({ length: 499 }, (_, i) => ({
    ref: `a task with number ${i} ${"and a long name ".repeat(4)}`,
    title: "t",
    depends_on: ["root"],
  }));
  const added = await run<{ tasks: { id: string; status: string }[] }>(server, "add_tasks", {
    tasks: [{ ref: "root", title: "root" }, ...tasks],
  });
  expect(added.tasks).toHaveLength(500);
  expect(Buffer.byteLength(JSON.stringify(added))).toBeLessThan(60_000);
  expect(added.tasks.map(({ status }) => status)).toEqual(["ready", ...tasks.map(() => "blocked")]);
  const { claim } = await run<{ claim: { token: string } }>(server, "claim_task", { agent: "ann" });
  const done = await run(server, "complete_task", { token: claim.token });
  expect(done).toMatchObject({ status: "succeeded", unblocked_count: 499 });
  expect(tokensOf(done)).toBeLessThan(2_000);
});

test("reasons and unmet acceptance are told in short, and a reader of events gets past them", async () => {
  const acceptance = Array.from({ length: 50 }, (_, i) => ({ run: `${i} ${"echo it; ".repeat(440)}` }));
  await run(server, "add_tasks", { tasks: [{ title: "a", acceptance, max_attempts: 2 }] });
  const first = await run<{ claim: { token: string } }>(server, "claim_task", { agent: "ann" });
  expect(
    tokensOf(await run(server, "complete_task", { token: first.claim.token, evidence: ["forged"] })),
  ).toBeLessThan(4_000);
  const second = await run<{ claim: { token: string } }>(server, "claim_task", { agent: "ann" });
  await run(server, "complete_task", { token: second.claim.token });
  const listed = await run<{ tasks: { id: string }[] }>(server, "list_tasks", {});
  expect(
    await codeOf(server, "review_task", {
      id: listed.tasks[0]?.id,
      agent: "bob",
      verdict: "reject",
      reasons: Array.from({ length: 50 }, () => "no good ".repeat(250)),
    }),
  ).toBe("ok");
  let after = 0;
  const seen: string[] = [];
  for (let page = 0; page < 50; page += 1) {
    const answer = await run<{ events: { type: string }[]; next_cursor: number }>(server, "read_events", {
      after,
      max_tokens: 200,
    });
    expect(tokensOf(answer)).toBeLessThanOrEqual(200);
    if (answer.events.length === 0) break;
    seen.push(...answer.events.map(({ type }) => type));
    after = answer.next_cursor;
  }
  expect(seen).toEqual([
    "task.added",
    "task.ready",
    "task.claimed",
    "task.failed",
    "task.ready",
    "task.claimed",
    "task.completed",
    "task.reviewed",
    "task.dead",
  ]);
});

test("lists and explanations that name no budget cost at most 1,500 tokens, however long the queue", async () => {
  // Texts without words: what is estimated for them is near to what they cost.
  const digest = (of: string): string => createHash("sha256").update(of).digest("base64url").repeat(4);
  for (const [size, page] of [
    [20, 20],
    [1_000, 490],
  ] as const) {
    for (let from = 0; from < size; from += page) {
      const tasks = Array.from({ length: page }, (_, i) => ({
        ref: `r${i}`,
        title: digest(`${from} ${i}`),
        type: digest("type").slice(0, 50),
        depends_on: i % 7 === 0 ? [] : [`r${Math.floor(i / 2)}`],
      }));
      await run(server, "add_tasks", { tasks });
    }
    for (let held = 0; held < 10; held += 1)
      await run(server, "claim_task", { agent: digest(`${held}`).slice(0, 90) });
    const { tasks: listed } = await run<{ tasks: { id: string }[] }>(server, "list_tasks", { limit: 500 });
    for (const [tool, args] of [
      ["list_tasks", {}],
      ["list_tasks", { limit: 500 }],
      ["list_tasks", { status: ["blocked", "running"], text: "a" }],
      ["explain_tasks", {}],
      ["explain_tasks", { id: listed[0]?.id }],
      ["explain_tasks", { id: listed.at(-1)?.id }],
    ] as const)
      expect(tokensOf(await run(server, tool, args)), `${tool} of ${size}`).toBeLessThanOrEqual(1_500);
  }
});
