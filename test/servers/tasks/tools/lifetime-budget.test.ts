import { afterEach, beforeEach, expect, test } from "vitest";
import { tasksForTest } from "../../../support/tasks.ts";
import { codeOf, run } from "../call.ts";

let queue: ReturnType<typeof tasksForTest>;
beforeEach(() => void (queue = tasksForTest()));
afterEach(() => queue.server.close());

interface Claimed {
  task: { id: string } | null;
  claim: { token: string; expires_at: string; budget?: Record<string, number> };
  why_none?: string;
}
const call = <T = Record<string, unknown>>(name: string, args: Record<string, unknown>) =>
  run<T>(queue.server, name, args);
const claim = (args: Record<string, unknown> = {}) =>
  call<Claimed>("claim_task", { agent: "ann", lease_s: 60, ...args });
const add = async (...tasks: readonly Record<string, unknown>[]): Promise<string[]> =>
  (await call<{ tasks: { id: string }[] }>("add_tasks", { tasks })).tasks.map(({ id }) => id);
const get = async (id: string): Promise<Record<string, unknown>> =>
  (await call<{ task: Record<string, unknown> }>("get_task", { id })).task;
const events = async (): Promise<[string, string, unknown][]> => {
  const page = await call<{ events: { type: string; subject: string; data: unknown }[] }>("read_events", {
    types: ["budget.reserved", "budget.settled", "budget.exhausted"],
  });
  return page.events.map(({ type, subject, data }) => [type, subject, data]);
};

test("an attempt reserves a share, gets more as it reports, and is charged all of it when it vanishes", async () => {
  const [id = ""] = await add({ title: "a", budget: { tokens: 1_000 }, max_attempts: 4 });
  const { claim: given } = await claim();
  expect(given.budget).toEqual({ tokens: 250 });
  const report = (tokens: number) =>
    call("report_progress", { token: given.token, usage: { tokens, usd: 0 } });
  expect(await report(200)).toMatchObject({ budget: { tokens: 450 }, cancel_requested: false });
  expect(await report(900)).toMatchObject({ budget: { tokens: 1_000 }, cancel_requested: false });
  queue.advance(61_000);
  expect(await get(id)).toMatchObject({
    status: "dead",
    spent: { tokens: 1_000, usd: 0, wall_s: 60 },
    error: { kind: "budget" },
  });
  expect(await events()).toEqual([
    ["budget.reserved", id, { attempt: 1, milestone: null, tokens: 250 }],
    ["budget.settled", id, { attempt: 1, milestone: null, tokens: 1_000, usd: 0, wall_s: 60 }],
    ["budget.exhausted", id, { of: "task", tokens: 1_000, usd: 0, wall_s: 60 }],
  ]);
});

test("a holder that spends more than there is, is told to stop, and nothing is tried again", async () => {
  const [id = ""] = await add({ title: "a", budget: { tokens: 100 } });
  const { claim: given } = await claim();
  expect(await call("report_progress", { token: given.token, usage: { tokens: 120, usd: 0 } })).toMatchObject(
    { cancel_requested: true },
  );
  expect(await call("fail_task", { token: given.token, error: { message: "over" } })).toEqual({
    status: "dead",
  });
  // It is queued again only with more to spend, and never with less than it has cost.
  const queued = (changes: Record<string, unknown>) => codeOf(queue.server, "update_task", { id, changes });
  expect(await queued({ status: "ready" })).toBe("invalid_state");
  expect(await queued({ budget: { tokens: 120 } })).toBe("invalid");
  expect(await queued({ status: "ready", budget: { tokens: 200 } })).toBe("ok");
  expect((await claim()).claim.budget).toEqual({ tokens: 27 });
});

test("no lease outlasts the time a task may take in all", async () => {
  const [id = ""] = await add({ title: "a", budget: { wall_s: 90 } });
  const first = await claim();
  queue.advance(50_000);
  const { expires_at } = await call<{ expires_at: string }>("report_progress", {
    token: first.claim.token,
    extend_s: 3_600,
  });
  expect(expires_at).toBe("2026-01-01T00:01:30.000Z");
  await call("release_task", { token: first.claim.token });
  const second = await claim();
  expect(second.claim.budget).toEqual({ wall_s: 40 });
  queue.advance(60_000);
  expect(await get(id)).toMatchObject({ status: "dead", spent: { wall_s: 90 } });
});

test("giving a task back is free for whoever said that nothing was used", async () => {
  const [id = ""] = await add({ title: "a", budget: { usd: 1 } });
  const { claim: given } = await claim();
  await call("report_progress", { token: given.token, usage: { tokens: 0, usd: 0 } });
  await call("release_task", { token: given.token });
  expect(await get(id)).not.toHaveProperty("spent");
});

test("giving a task back over and over is not free", async () => {
  const [id = ""] = await add({ title: "a", budget: { usd: 1 }, max_attempts: 2 });
  for (let round = 0; round < 60; round += 1) {
    const { task, claim: given } = await claim();
    if (task === null) break;
    await call("release_task", { token: given.token });
  }
  const { attempt, excused_attempts, spent } = await get(id);
  expect(attempt).toBe(excused_attempts);
  // Half of what is left each time: the dollar is never passed.
  expect(Number(Object(spent).usd)).toBeGreaterThan(0.99);
  expect(Number(Object(spent).usd)).toBeLessThanOrEqual(1);
});

test("a milestone's budget bounds all below it, and nothing of it is given out when it is spent or reserved", async () => {
  await call("set_milestone", { name: "run", budget: { tokens: 100, attempts: 3 } });
  await call("set_milestone", { name: "part", parent: "run" });
  const [big = "", , other = ""] = await add(
    { title: "big", milestone: "part", budget: { tokens: 90 }, max_attempts: 1 },
    { title: "small", milestone: "part" },
    { title: "other" },
  );
  const first = await claim({ task_id: big });
  expect(first.claim.budget).toEqual({ tokens: 90 });
  const second = await claim();
  expect(second.claim.budget).toEqual({ tokens: 5 });
  await call("complete_task", { token: second.claim.token, usage: { tokens: 5, usd: 0 } });
  await add({ title: "more", milestone: "part", priority: 9 });
  const third = await claim();
  expect(third.claim.budget).toEqual({ tokens: 5 });
  // All is reserved or spent, and three attempts begun: what is outside is still given out.
  expect((await claim()).task?.id).toBe(other);
  await add({ title: "yet more", milestone: "part" });
  expect(await claim()).toMatchObject({
    task: null,
    why_none: expect.stringContaining("the budget of run, part is spent or reserved"),
  });
  await call("fail_task", {
    token: first.claim.token,
    error: { message: "no" },
    usage: { tokens: 90, usd: 0 },
  });
  await call("complete_task", { token: third.claim.token, usage: { tokens: 5, usd: 0 } });
  const spent = (await events()).filter(([type]) => type === "budget.exhausted");
  expect(spent).toEqual([
    ["budget.exhausted", "run", { of: "milestone", tokens: 5, usd: 0, wall_s: 0, attempts: 3 }],
    ["budget.exhausted", big, { of: "task", tokens: 90, usd: 0, wall_s: 0 }],
    ["budget.exhausted", "run", { of: "milestone", tokens: 100, usd: 0, wall_s: 0, attempts: 3 }],
  ]);
  await call("set_milestone", { name: "run", budget: { tokens: 1_000 } });
  expect((await claim()).task).not.toBeNull();
});

test("what was spent before a milestone had a budget counts, too", async () => {
  await add({ title: "a", milestone: "run" }, { title: "b", milestone: "run" });
  const { claim: given } = await claim();
  await call("complete_task", { token: given.token, usage: { tokens: 60, usd: 0 } });
  await call("set_milestone", { name: "run", budget: { tokens: 50 } });
  expect(await claim()).toMatchObject({ task: null, why_none: expect.stringContaining("budget of run") });
});
