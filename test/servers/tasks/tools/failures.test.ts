import { afterEach, beforeEach, expect, test } from "vitest";
import { tasksForTest } from "../../../support/tasks.ts";
import { codeOf, run } from "../call.ts";

let queue: ReturnType<typeof tasksForTest>;
beforeEach(() => void (queue = tasksForTest()));
afterEach(() => queue.server.close());

interface Claimed {
  task: Record<string, unknown> & { id: string };
  claim: { token: string };
  why_none?: string;
}
const call = <T = Record<string, unknown>>(name: string, args: Record<string, unknown>) =>
  run<T>(queue.server, name, args);
const claim = (agent = "ann") => call<Claimed>("claim_task", { agent });
const add = async (...tasks: readonly Record<string, unknown>[]): Promise<string[]> =>
  (await call<{ tasks: { id: string }[] }>("add_tasks", { tasks })).tasks.map(({ id }) => id);
const get = async (id: string): Promise<Record<string, unknown>> =>
  (await call<{ task: Record<string, unknown> }>("get_task", { id })).task;
const fail = (token: string, kind: string, more: Record<string, unknown> = {}) =>
  call<{ status: string; retry_at?: string; follow_up?: string }>("fail_task", {
    token,
    error: { message: "two tests fail", kind, log: "expected 3, got 4" },
    ...more,
  });

test.each([
  ["validation", "fix", "Fix: parser"],
  ["integration", "merge", "Merge: parser"],
])(
  "a failure of kind %s can become a %s task with its log, and is tried again after it",
  async (kind, type, title) => {
    const [id = ""] = await add({ title: "parser", paths: ["src/**"], capabilities: [], milestone: "m" });
    const first = await claim();
    const { status, follow_up: mending = "" } = await fail(first.claim.token, kind, { follow_up: true });
    expect(status).toBe("blocked");
    expect(await get(mending)).toMatchObject({
      title,
      type,
      status: "ready",
      paths: ["src/**"],
      milestone: "m",
      parent: id,
      follows_up: id,
      context: { failed_task: id, attempt: 1, error: "two tests fail", log: "expected 3, got 4" },
    });
    const second = await claim("bob");
    expect(second.task.id).toBe(mending);
    await call("complete_task", { token: second.claim.token, output: "mended" });
    queue.advance(1_000);
    expect((await claim()).task).toMatchObject({
      id,
      dependency_outputs: [{ id: mending, output: "mended" }],
    });
  },
);

test("what mends has no follow-up, and a failure that ends the task has none", async () => {
  await add({ title: "a", max_attempts: 2 });
  const first = await claim();
  await fail(first.claim.token, "validation", { follow_up: true });
  const fix = await claim();
  expect(await fail(fix.claim.token, "validation", { follow_up: true })).toEqual({
    status: "scheduled",
    retry_at: expect.any(String),
  });
  queue.advance(1_000);
  const again = await claim();
  await call("complete_task", { token: again.claim.token });
  queue.advance(1_000);
  const last = await claim();
  expect(await fail(last.claim.token, "validation", { follow_up: true })).toEqual({ status: "dead" });
  await add({ title: "b" });
  const { claim: other } = await claim();
  for (const kind of ["worker", "resource", "budget"]) {
    expect(
      await codeOf(queue.server, "fail_task", {
        token: other.token,
        error: { message: "no", kind },
        follow_up: true,
      }),
    ).toBe("invalid");
  }
});

test("a follow-up lives on a part of the failed task's budget", async () => {
  const [id = ""] = await add({ title: "a", budget: { tokens: 1_000 }, max_attempts: 5 });
  const { claim: given } = await claim();
  const { follow_up: mending = "" } = await fail(given.token, "validation", {
    follow_up: true,
    usage: { tokens: 200, usd: 0 },
  });
  expect(await get(mending)).toMatchObject({ budget: { tokens: 100 } });
  expect(await get(id)).toMatchObject({ budget: { tokens: 900 }, spent: { tokens: 200 } });
});

test("what failed for want of a resource is tried later, and by somebody else where there is one", async () => {
  const [id = ""] = await add({ title: "a" });
  await call("register_agent", { name: "bob" });
  const { claim: given } = await claim();
  expect(await fail(given.token, "resource")).toEqual({
    status: "scheduled",
    retry_at: "2026-01-01T00:00:04.000Z",
  });
  queue.advance(4_000);
  expect(await claim()).toMatchObject({
    task: null,
    why_none: expect.stringContaining("failed where you work"),
  });
  const { why } = await call<{ why: string[] }>("explain_tasks", { id });
  expect(why).toContainEqual("rather for others than ann until 2026-01-01T00:10:04.000Z");
  expect((await claim("bob")).task.id).toBe(id);
});

test("where nobody else comes, or is there, the same agent gets it again", async () => {
  const [id = ""] = await add({ title: "a" });
  const first = await claim();
  await fail(first.claim.token, "resource");
  queue.advance(4_000);
  const alone = await claim();
  expect(alone.task.id).toBe(id);
  await call("register_agent", { name: "bob" });
  await fail(alone.claim.token, "resource");
  queue.advance(8_000);
  expect((await claim()).task).toBeNull();
  // Who names it means it.
  const named = await call<Claimed>("claim_task", { agent: "ann", task_id: id });
  await fail(named.claim.token, "resource");
  queue.advance(16_000);
  expect((await claim()).task).toBeNull();
  queue.advance(10 * 60_000);
  expect((await claim()).task.id).toBe(id);
});

test("what ran out of budget is not tried again by itself", async () => {
  await add({ title: "a" });
  const { claim: given } = await claim();
  expect(await fail(given.token, "budget")).toEqual({ status: "dead" });
});

test("acceptance is checked as far as it can be; the rest goes to review", async () => {
  const acceptance = [
    { run: "check" },
    {
      output_schema: {
        type: "object",
        required: ["count"],
        properties: { count: { type: "integer", minimum: 1 } },
      },
    },
    { artifacts: ["report.md"] },
  ];
  const [id = ""] = await add({ title: "a", acceptance });
  const first = await claim();
  expect(
    await call("complete_task", { token: first.claim.token, evidence: ["ok:check"], output: { count: 0 } }),
  ).toMatchObject({
    status: "ready",
    verified: false,
    unmet: ["output.count is below 1", "no artifact report.md"],
  });
  expect(await get(id)).toMatchObject({ acceptance });
  const second = await claim();
  const done = { output: { count: 2 }, artifacts: ["out/report.md"] };
  expect(await call("complete_task", { token: second.claim.token, ...done })).toMatchObject({
    status: "needs_review",
    verified: false,
  });
  await add({ title: "b", acceptance: [...acceptance, { review: "the report reads well" }] });
  const third = await claim();
  expect(
    await call("complete_task", { token: third.claim.token, ...done, evidence: ["ok:check"] }),
  ).toMatchObject({ status: "needs_review" });
  await add({ title: "c", acceptance });
  const fourth = await claim();
  expect(
    await call("complete_task", { token: fourth.claim.token, ...done, evidence: ["ok:check"] }),
  ).toMatchObject({ status: "succeeded", verified: true });
});

test.each([
  [[{}], "exactly one of run, tests"],
  [[{ run: "a", tests: "b" }], "exactly one of run, tests"],
  [[{ run: "a", protect: ["x"] }], "belong to tests"],
  [[{ output_schema: { pattern: "(a+)+$" } }], "pattern is not checked here"],
  [[{ output_schema: "string" }], "a schema is an object"],
  [[{ run: "a", hurry: true }], "hurry"],
])("an acceptance that cannot be checked is refused: %j", async (acceptance, why) => {
  await expect(add({ title: "a", acceptance })).rejects.toThrow(why);
});
