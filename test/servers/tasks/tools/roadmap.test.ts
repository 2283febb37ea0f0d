import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tasksForTest } from "../../../support/tasks.ts";
import { codeOf, run } from "../call.ts";

let queue: ReturnType<typeof tasksForTest>;
beforeEach(() => void (queue = tasksForTest()));
afterEach(() => queue.server.close());

interface Roadmap {
  milestones: (Record<string, unknown> & { name: string; forecast?: { p50: string; p90: string } })[];
  next_cursor?: string;
}
const call = <T = Record<string, unknown>>(name: string, args: Record<string, unknown>) =>
  run<T>(queue.server, name, args);
const add = async (...tasks: readonly Record<string, unknown>[]): Promise<string[]> =>
  (await call<{ tasks: { id: string }[] }>("add_tasks", { tasks })).tasks.map(({ id }) => id);
const road = async (args: Record<string, unknown> = {}) => call<Roadmap>("get_roadmap", args);
/** Does so many tasks, each in so long. */
async function work(count: number, ms = 60_000): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const { claim } = await call<{ claim: { token: string } }>("claim_task", { agent: "ann" });
    queue.advance(ms);
    await call("complete_task", { token: claim.token, usage: { tokens: 10, usd: 0 } });
  }
}

test("milestones nest, add up what is below them, and forecast when they are done", async () => {
  await call("set_milestone", { name: "2026-Q1", goal: "ship", due: "2026-03-31" });
  await call("set_milestone", {
    name: "2026-01",
    parent: "2026-Q1",
    due: "2026-01-01T00:06:30Z",
    target: { metric: "parsers", value: 3, current: 1 },
    budget: { tokens: 1_000 },
  });
  await call("set_milestone", { name: "2026-W01", parent: "2026-01", priority: 8 });
  const titled = (milestone: string, count: number) =>
    Array.from({ length: count }, (_, i) => ({ title: `${milestone} ${i}`, milestone }));
  await add(...titled("2026-Q1", 2), ...titled("2026-W01", 4), { title: "cancelled", milestone: "2026-01" });
  const { tasks } = await call<{ tasks: { id: string; title: string; priority: number }[] }>(
    "list_tasks",
    {},
  );
  expect(tasks.map(({ priority }) => priority)).toEqual([5, 5, 8, 8, 8, 8, 5]);
  await call("update_task", { id: tasks.at(-1)?.id, changes: { status: "cancelled" } });
  expect(await road()).toMatchObject({ forecast_omitted: expect.stringContaining("no attempt") });
  await work(2);
  const forecasts = { p50: expect.any(String), p90: expect.any(String) };
  const shown = await road();
  expect(shown).toEqual({
    milestones: [
      {
        name: "2026-01",
        parent: "2026-Q1",
        due: "2026-01-01T00:06:30.000Z",
        target: { metric: "parsers", value: 3, current: 1 },
        budget: { tokens: 1_000 },
        progress: 0.5,
        tasks: { succeeded: 2, ready: 2, cancelled: 1 },
        spent: { tokens: 20, usd: 0, wall_s: 120, attempts: 2 },
        reserved: { tokens: 0, usd: 0, wall_s: 0 },
        forecast: forecasts,
        in_time: expect.any(Number),
      },
      {
        name: "2026-Q1",
        goal: "ship",
        due: "2026-03-31T00:00:00.000Z",
        progress: 2 / 6,
        tasks: { succeeded: 2, ready: 4, cancelled: 1 },
        forecast: forecasts,
        in_time: 1,
      },
      {
        name: "2026-W01",
        parent: "2026-01",
        priority: 8,
        progress: 0.5,
        tasks: { succeeded: 2, ready: 2 },
        forecast: forecasts,
      },
    ],
  });
  // Two of the week, then the quarter's two.
  const [month = "", quarter = ""] = shown.milestones.map(({ forecast }) => forecast?.p50);
  expect(Date.parse(quarter)).toBeGreaterThan(Date.parse(month));
  const { events } = await call<{ events: { subject: string }[] }>("read_events", {
    types: ["milestone.changed"],
  });
  expect(events.map(({ subject }) => subject)).toEqual(["2026-Q1", "2026-01", "2026-W01"]);
});

test("what if tells of another order, fewer tasks or more hands, and writes nothing", async () => {
  await call("set_milestone", { name: "a" });
  await call("set_milestone", { name: "b", due: "2026-01-01T00:22:30Z" });
  const [first = ""] = await add(
    { title: "a1", milestone: "a" },
    { title: "a2", milestone: "a" },
    { title: "b1", milestone: "b" },
    ...Array.from({ length: 20 }, () => ({ title: "done", priority: 10 })),
  );
  // Every attempt takes a minute.
  await work(20);
  const before = await call<{ next_cursor: number }>("read_events", {});
  const endOf = async (what_if?: Record<string, unknown>): Promise<unknown> => {
    const { milestones } = await road({ milestone: "b", what_if });
    expect(milestones).toHaveLength(1);
    const end = Date.parse(milestones[0]?.forecast?.p50 ?? "") - Date.UTC(2026, 0, 1, 0, 20);
    return [Math.round(end / 60_000), Math.round(Number(milestones[0]?.["in_time"]))];
  };
  expect(await endOf()).toEqual([3, 0]);
  expect(await endOf({ first: "b" })).toEqual([1, 1]);
  expect(await endOf({ drop: [first] })).toEqual([2, 1]);
  expect(await endOf({ drop: ["a"] })).toEqual([1, 1]);
  expect(await endOf({ workers: 3 })).toEqual([1, 1]);
  expect(await endOf()).toEqual([3, 0]);
  expect(await call("read_events", {})).toEqual(before);
});

test("what cannot be is refused", async () => {
  await call("set_milestone", { name: "a" });
  await call("set_milestone", { name: "b", parent: "a" });
  const set = (args: Record<string, unknown>) => codeOf(queue.server, "set_milestone", args);
  expect(await set({ name: "a", parent: "b" })).toBe("invalid");
  expect(await set({ name: "a", parent: "a" })).toBe("invalid");
  expect(await set({ name: "c", parent: "none" })).toBe("not_found");
  expect(await codeOf(queue.server, "get_roadmap", { milestone: "none" })).toBe("not_found");
  expect(await codeOf(queue.server, "get_roadmap", { what_if: { drop: ["none"] } })).toBe("not_found");
  expect(await codeOf(queue.server, "get_roadmap", { what_if: { first: "none" } })).toBe("not_found");
  for (const wrong of [
    { due: "soon" },
    { budget: { tokens: 0 } },
    { budget: { hours: 1 } },
    { priority: 11 },
  ])
    await expect(set({ name: "a", ...wrong })).rejects.toThrow();
  // What is left out stays; a parent is taken away by null.
  await call("set_milestone", { name: "b", goal: "one" });
  await call("set_milestone", { name: "b", priority: 3 });
  expect((await road()).milestones[1]).toMatchObject({ name: "b", parent: "a", goal: "one", priority: 3 });
  const { milestone } = await call<{ milestone: object }>("set_milestone", { name: "b", parent: null });
  expect(milestone).not.toHaveProperty("parent");
});

test("a long roadmap with hostile names comes in pages within the budget, each milestone once", async () => {
  const names = Array.from({ length: 12 }, (_, i) => `${i} ${'🚀"\\'.repeat(20)}`.slice(0, 100));
  for (const name of names)
    await call("set_milestone", { name, goal: "修复解析器".repeat(200), budget: { tokens: 1e15 } });
  const seen: unknown[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await road({ max_tokens: 1_000, ...(cursor === undefined ? {} : { cursor }) });
    expect(countTokens(JSON.stringify(page))).toBeLessThanOrEqual(1_000);
    seen.push(...page.milestones);
    cursor = page.next_cursor;
    if (cursor === undefined) break;
  }
  expect(seen).toHaveLength(12);
});

test("milestones nest no deeper for being hung up from below", async () => {
  const names = Array.from({ length: 20 }, (_, i) => `level ${i}`);
  for (const [i, name] of names.entries())
    await call("set_milestone", { name, ...(i === 0 || i === 10 ? {} : { parent: names[i - 1] }) });
  await call("set_milestone", { name: "one too many" });
  await call("set_milestone", { name: "level 10", parent: "level 9" });
  await expect(call("set_milestone", { name: "level 0", parent: "one too many" })).rejects.toThrow(
    "milestones nest at most 20 levels",
  );
});
