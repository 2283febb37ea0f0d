import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tasksForTest } from "../../../support/tasks.ts";
import { codeOf, run } from "../call.ts";

let queue: ReturnType<typeof tasksForTest>;
beforeEach(() => void (queue = tasksForTest()));
afterEach(() => queue.server.close());

const add = async (...tasks: readonly Record<string, unknown>[]): Promise<readonly string[]> =>
  (await run<{ tasks: { id: string }[] }>(queue.server, "add_tasks", { tasks })).tasks.map(({ id }) => id);
const claim = (args: Record<string, unknown>) =>
  run<{ claim: { token: string } }>(queue.server, "claim_task", args);
interface Explained {
  readonly [field: string]: unknown;
  readonly forecast?: { readonly p50_s: number; readonly p90_s: number };
}
const explain = (id?: string) =>
  run<Explained>(queue.server, "explain_tasks", id === undefined ? {} : { id });

/** Claims and completes a task that takes this long. */
async function work(seconds: number): Promise<void> {
  const { claim: given } = await claim({ agent: "ann" });
  queue.advance(seconds * 1_000);
  await run(queue.server, "complete_task", { token: given.token });
}

test("a task that waits says for what, and what waits for it", async () => {
  const [a, b, c, d] = await add(
    { ref: "a", title: "first" },
    { ref: "b", title: "second", depends_on: ["a"] },
    { ref: "c", title: "third", depends_on: ["b"], capabilities: ["gpu"], assignee: "ann" },
    { ref: "d", title: "fourth", depends_on: ["c", "a"] },
  );
  expect(await explain(c)).toEqual({
    id: c,
    status: "blocked",
    why: ["1 of its dependencies are open", "only for ann", "only for agents with gpu"],
    waits_for: { count: 1, tasks: [{ id: b, title: "second", status: "blocked" }] },
    blocks: { count: 1, tasks: [{ id: d, title: "fourth", status: "blocked" }] },
  });
  expect(await explain(a)).toMatchObject({ why: ["nothing holds it back"], blocks: { count: 3 } });
});

test("reserved paths are told with who holds them", async () => {
  const [holder] = await add({ title: "holder", paths: ["src/**"] });
  await claim({ agent: "bob" });
  const [waits] = await add({ title: "waits", paths: ["src/a.ts", "docs/b.md"] });
  expect(await explain(waits)).toMatchObject({
    status: "ready",
    why: ["running tasks have reserved paths that it needs"],
    reserved: [{ path: "src/**", task: holder, agent: "bob" }],
  });
  expect(await explain(holder)).toMatchObject({ why: ["bob works on it", "1 of 4 attempts used"] });
});

test("pauses, attempts and dependencies that ended badly are told", async () => {
  const [a, b] = await add(
    { ref: "a", title: "a", max_attempts: 2 },
    { ref: "b", title: "b", depends_on: ["a"] },
  );
  const fail = async (): Promise<void> => {
    const { claim: given } = await claim({ agent: "ann" });
    await run(queue.server, "fail_task", { token: given.token, error: { message: "no luck" } });
  };
  await fail();
  expect(await explain(a)).toMatchObject({
    status: "scheduled",
    why: [expect.stringMatching(/^not before 2026-01-01T/), "1 of 2 attempts used; the last one: no luck"],
  });
  queue.advance(10_000);
  await fail();
  expect(await explain(a)).toMatchObject({ status: "dead", blocks: { count: 0 } });
  expect(await explain(b)).toMatchObject({
    status: "needs_decision",
    why: [expect.stringContaining("ended badly")],
    ended_badly: { count: 1, tasks: [{ id: a }] },
  });
  expect(await codeOf(queue.server, "explain_tasks", { id: "tsk_none" })).toBe("not_found");
});

test("the queue shows its shape, and forecasts from what its own attempts took", async () => {
  await add({ title: "done before" }, { title: "done before, too" });
  expect(await explain()).toMatchObject({
    forecast_omitted: expect.stringContaining("no attempt"),
    critical_path: { seconds: 1 },
  });
  await work(10);
  await work(10);
  const [a, b, c] = await add(
    { ref: "a", title: "a", estimate_s: 30 },
    { ref: "b", title: "b", depends_on: ["a"] },
    { ref: "c", title: "c", depends_on: ["a"], priority: 9 },
  );
  const answer = await explain();
  expect(answer).toEqual({
    counts: { blocked: 2, ready: 1, succeeded: 2 },
    ready: { count: 1, tasks: [{ id: a, title: "a" }] },
    levels: { count: 2, sizes: [1, 2] },
    critical_path: {
      seconds: 40,
      count: 2,
      tasks: [
        { id: a, title: "a", seconds: 30 },
        { id: b, title: "b", seconds: 10 },
      ],
    },
    bottlenecks: [{ id: a, title: "a", dependents: 2 }],
    forecast: { p50_s: expect.any(Number), p90_s: expect.any(Number), workers: 1, attempts: 2 },
  });
  // One worker, so about all work in a row; two attempts that took the same leave much open.
  expect(answer.forecast?.p50_s).toBeGreaterThan(40);
  expect(answer.forecast?.p50_s).toBeLessThan(80);
  expect(answer.forecast?.p90_s).toBeGreaterThan(80);
  expect(await explain()).toEqual(answer);
  await work(30);
  expect(await explain()).toMatchObject({ ready: { tasks: [{ id: c }, { id: b }] }, bottlenecks: [] });
  await work(5);
  await work(5);
  expect(await explain()).toMatchObject({ levels: { count: 0 }, forecast_omitted: "nothing is left to do" });
});

// How long ten thousand and a hundred thousand take is measured by `npm run soak -- tasks --only long`.
test("a thousand tasks with hostile titles are explained within 1,500 tokens", async () => {
  const title = '修复解析器 🚀 \\"'.repeat(30);
  await add({ title: "timed" });
  await work(3);
  let before: readonly string[] = [];
  for (let i = 0; i < 4; i += 1) {
    const last = before.slice(-3);
    before = await add(
      ...Array.from({ length: 250 }, (_, n) => ({
        ref: `r${n}`,
        title,
        depends_on: [...last, ...(n > 3 ? [`r${n - 1}`, `r${n - 3}`] : [])],
        assignee: "修".repeat(90),
        capabilities: Array.from({ length: 50 }, (__, k) => `修复${k}`.repeat(15)),
      })),
    );
  }
  for (const id of [undefined, before[0], before.at(-1)]) {
    expect(countTokens(JSON.stringify(await explain(id)))).toBeLessThanOrEqual(1_500);
  }
  expect(await explain()).toMatchObject({ forecast: { workers: 1, attempts: 1 }, levels: { count: 988 } });
});
