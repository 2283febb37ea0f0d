import { afterEach, beforeEach, expect, test } from "vitest";
import { tasksForTest } from "../../../support/tasks.ts";
import { codeOf, run } from "../call.ts";

let queue: ReturnType<typeof tasksForTest>;
beforeEach(() => void (queue = tasksForTest()));
afterEach(() => queue.server.close());

interface Claimed {
  task: Record<string, unknown> & { id: string };
  claim: { token: string };
}
const claim = (agent: string, args: Record<string, unknown> = {}) =>
  run<Claimed>(queue.server, "claim_task", { agent, lease_s: 10, ...args });
const add = async (...tasks: readonly Record<string, unknown>[]): Promise<string[]> =>
  (await run<{ tasks: { id: string }[] }>(queue.server, "add_tasks", { tasks })).tasks.map(({ id }) => id);
const get = async (id: string): Promise<Record<string, unknown>> =>
  (await run<{ task: Record<string, unknown> }>(queue.server, "get_task", { id })).task;

test("what a stale holder hands in is refused, kept beside the task and never applied", async () => {
  const [id = ""] = await add({ title: "a" });
  const ann = await claim("ann");
  queue.advance(11_000);
  const bob = await claim("bob");
  const late = { token: ann.claim.token, output: { from: "ann" }, artifacts: ["a.txt"] };
  await expect(run(queue.server, "complete_task", late)).rejects.toThrow(
    `kept beside ${id}, and not applied`,
  );
  const orphan = { agent: "ann", attempt: 1, at: "2026-01-01T00:00:11.000Z" };
  expect(await get(id)).toMatchObject({
    status: "running",
    agent: "bob",
    orphans: [{ ...orphan, output: { from: "ann" }, artifacts: ["a.txt"] }],
  });
  // Once more under a key: refused again, and still one orphan, the newer.
  expect(
    await codeOf(queue.server, "complete_task", { ...late, output: "again", idempotency_key: "k" }),
  ).toBe("conflict");
  expect(await codeOf(queue.server, "complete_task", { token: "clm_made_up", output: 1 })).toBe("conflict");
  await run(queue.server, "complete_task", { token: bob.claim.token, output: { from: "bob" } });
  expect(await get(id)).toMatchObject({
    status: "succeeded",
    output: { from: "bob" },
    orphans: [{ ...orphan, output: "again" }],
  });
  // Whoever ended the task leaves no orphan by saying so again.
  expect(await codeOf(queue.server, "complete_task", { token: bob.claim.token, output: 2 })).toBe("conflict");
  expect((await get(id))["orphans"]).toHaveLength(1);
});

test("the next holder gets checkpoint, notes and what came too late", async () => {
  await add({ title: "a" });
  const ann = await claim("ann");
  await run(queue.server, "report_progress", {
    token: ann.claim.token,
    note: "half",
    checkpoint: { at: 5 },
    extend_s: 10,
  });
  queue.advance(11_000);
  await run(queue.server, "list_tasks", {});
  await codeOf(queue.server, "complete_task", { token: ann.claim.token, output: "late" });
  expect((await claim("bob")).task).toMatchObject({
    attempt: 2,
    checkpoint: { at: 5 },
    notes: ["half"],
    orphans: [{ agent: "ann", output: "late" }],
  });
});

test("a task taken away by a person leaves its holder's result as an orphan, too", async () => {
  const [id = ""] = await add({ title: "a" });
  const ann = await claim("ann");
  await run(queue.server, "update_task", { id, changes: { status: "paused" } });
  expect(await codeOf(queue.server, "complete_task", { token: ann.claim.token, output: "late" })).toBe(
    "conflict",
  );
  expect(await get(id)).toMatchObject({ status: "paused", orphans: [{ agent: "ann", output: "late" }] });
});

test("the most urgent goes first, yet whatever waited an hour per step longer comes before it", async () => {
  const [low = ""] = await add({ title: "low", priority: 1 });
  queue.advance(8 * 3_600_000);
  const [urgent = ""] = await add({ title: "urgent", priority: 10 });
  expect((await claim("ann")).task.id).toBe(urgent);
  queue.advance(2 * 3_600_000);
  await add({ title: "later and urgent", priority: 10 });
  // The lease of the urgent one ran out: it is first again; then the old one, before the later one.
  expect((await claim("bob")).task.id).toBe(urgent);
  expect((await claim("cid")).task.id).toBe(low);
});

test("a stream of urgent work starves nobody", async () => {
  const [low = ""] = await add({ title: "low", priority: 1 });
  const order: string[] = [];
  for (let hour = 0; hour < 24; hour += 1) {
    await add({ title: `a${hour}`, priority: 10 }, { title: `b${hour}`, priority: 10 });
    const { task, claim: given } = await claim("ann");
    order.push(task.id);
    await run(queue.server, "complete_task", { token: given.token });
    queue.advance(3_600_000);
  }
  expect(order).toContain(low);
});
