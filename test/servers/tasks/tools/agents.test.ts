import { afterEach, beforeEach, expect, test } from "vitest";
import { tasksForTest } from "../../../support/tasks.ts";
import { codeOf, run } from "../call.ts";

let queue: ReturnType<typeof tasksForTest>;
beforeEach(() => void (queue = tasksForTest()));
afterEach(() => queue.server.close());

interface Claimed {
  task: { id: string } | null;
  claim: { token: string };
  why_none: string;
}
const add = (...tasks: readonly Record<string, unknown>[]) => run(queue.server, "add_tasks", { tasks });
const claim = (args: Record<string, unknown>) => run<Claimed>(queue.server, "claim_task", args);
const register = (args: Record<string, unknown>) => run(queue.server, "register_agent", args);
const agents = async (): Promise<readonly Record<string, unknown>[]> =>
  (await run<{ agents: Record<string, unknown>[] }>(queue.server, "list_agents", {})).agents;

test("a registered agent gets no more than it may hold, and is told why", async () => {
  await add({ title: "a" }, { title: "b" }, { title: "c" });
  await register({ name: "ann", max_concurrent: 1 });
  const { claim: given } = await claim({ agent: "ann" });
  const refused = await claim({ agent: "ann", idempotency_key: "k" });
  expect(refused).toEqual({ task: null, why_none: expect.stringContaining("1 of at most 1 tasks") });
  // Who never registered works as before, beside her.
  expect((await claim({ agent: "bob" })).task).not.toBeNull();
  await run(queue.server, "complete_task", { token: given.token });
  expect((await claim({ agent: "ann", idempotency_key: "k" })).task).not.toBeNull();
});

test("a lease that ran out counts no more", async () => {
  await add({ title: "a" });
  await register({ name: "ann", max_concurrent: 1 });
  await claim({ agent: "ann", lease_s: 10 });
  queue.advance(11_000);
  expect((await claim({ agent: "ann" })).task).not.toBeNull();
});

test("a retired agent gets nothing until it registers again", async () => {
  await add({ title: "a" });
  await register({ name: "ann", retire: true });
  expect((await claim({ agent: "ann" })).why_none).toContain("retired");
  expect(await agents()).toMatchObject([{ name: "ann", health: "retired" }]);
  await register({ name: "ann" });
  expect((await claim({ agent: "ann" })).task).not.toBeNull();
});

test("what an agent registered as able to do need not be named in a claim", async () => {
  await add({ title: "a", capabilities: ["gpu", "net"] });
  await register({ name: "ann", capabilities: ["gpu"] });
  expect((await claim({ agent: "ann" })).task).toBeNull();
  expect((await claim({ agent: "ann", capabilities: ["net"] })).task).not.toBeNull();
});

test("health follows the last call, and load the tasks that are held", async () => {
  await add({ title: "a" });
  await register({ name: "ann", role: "writer", capabilities: ["gpu"], max_concurrent: 3 });
  queue.advance(6 * 60_000);
  expect(await agents()).toEqual([
    {
      name: "ann",
      health: "idle",
      load: 0,
      max_concurrent: 3,
      role: "writer",
      capabilities: ["gpu"],
      last_call_at: "2026-01-01T00:00:00.000Z",
    },
  ]);
  const { claim: given } = await claim({ agent: "ann" });
  expect(await agents()).toMatchObject([
    { health: "active", load: 1, last_call_at: "2026-01-01T00:06:00.000Z" },
  ]);
  queue.advance(60_000);
  await run(queue.server, "report_progress", { token: given.token });
  expect(await agents()).toMatchObject([{ last_call_at: "2026-01-01T00:07:00.000Z" }]);
  await run(queue.server, "release_task", { token: given.token });
  queue.advance(61 * 60_000);
  expect(await agents()).toMatchObject([{ health: "lost", load: 0 }]);
});

test("a hundred agents are listed page by page, each once, in few tokens", async () => {
  const names = Array.from({ length: 100 }, (_, i) => `agent-${String(i).padStart(3, "0")}`);
  for (const name of names.toReversed())
    await register({
      name,
      role: "r".repeat(90),
      capabilities: Array.from({ length: 50 }, (_, i) => `${name} ${i}`),
    });
  const seen: unknown[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await run<{ agents: { name: string }[]; next_cursor?: string }>(
      queue.server,
      "list_agents",
      {
        max_tokens: 500,
        ...(cursor === undefined ? {} : { cursor }),
      },
    );
    seen.push(...page.agents.map(({ name }) => name));
    cursor = page.next_cursor;
    pages += 1;
  } while (cursor !== undefined && pages < 200);
  expect(seen).toEqual(names);
  expect(pages).toBeGreaterThan(10);
});

test("registering is an event, done once per key, and refuses what makes no sense", async () => {
  await register({ name: "ann", role: "writer", idempotency_key: "k" });
  await register({ name: "ann", role: "writer", idempotency_key: "k" });
  const { events } = await run<{ events: unknown[] }>(queue.server, "read_events", {
    types: ["agent.registered"],
  });
  expect(events).toMatchObject([{ subject: "ann", data: { role: "writer", retired: false } }]);
  expect(await codeOf(queue.server, "claim_task", { agent: "ann" })).toBe("ok");
  for (const max_concurrent of [0, 1.5, 10_001]) {
    await expect(register({ name: "ann", max_concurrent })).rejects.toThrow();
  }
});

test("an agent that vanishes is told of once, with the work that came back, until it speaks again", async () => {
  await add({ title: "a" }, { title: "b" });
  await register({ name: "ann" });
  await register({ name: "bob" });
  await register({ name: "gone", retire: true });
  const lost = async (): Promise<unknown[]> => {
    const { events } = await run<{ events: { subject: string; data: unknown }[] }>(
      queue.server,
      "read_events",
      {
        types: ["agent.lost"],
      },
    );
    return events.map(({ subject, data }) => [subject, data]);
  };
  const first = await claim({ agent: "ann", lease_s: 60 });
  const second = await claim({ agent: "bob", lease_s: 60 });
  queue.advance(30_000);
  // Bob neglects his task, but is there.
  await run(queue.server, "send_message", { to: "ann", text: "hello", from: "bob" });
  queue.advance(40_000);
  const annLost = ["ann", { silent_s: 70, tasks: [first.task?.id] }];
  expect(await lost()).toEqual([annLost]);
  expect(await agents()).toMatchObject([
    { name: "ann", health: "lost" },
    { name: "bob", health: "active" },
    { name: "gone", health: "retired" },
  ]);
  expect((await claim({ agent: "cid" })).task?.id).toBe(first.task?.id);
  expect((await claim({ agent: "bob" })).task?.id).toBe(second.task?.id);
  // A word from her ends it.
  await run(queue.server, "read_messages", { agent: "ann" });
  expect((await agents())[0]).toMatchObject({ name: "ann", health: "active" });
  // Silent without work, an hour long.
  queue.advance(60 * 60_000);
  expect(await lost()).toEqual([
    annLost,
    ["bob", { silent_s: 3_600, tasks: [second.task?.id] }],
    ["ann", { silent_s: 3_600, tasks: [] }],
  ]);
  expect(await lost()).toHaveLength(3);
});
