import type { Client } from "@modelcontextprotocol/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { callTool, connect, mustCall, type Connection } from "../../../support/connect.ts";
import { run } from "../call.ts";
import { tasksForTest } from "../../../support/tasks.ts";

let open: Connection;
let client: Client;
let queue: ReturnType<typeof tasksForTest>;

beforeEach(async () => {
  queue = tasksForTest();
  open = await connect(queue.server);
  client = open.client;
});
afterEach(async () => {
  await open.close();
  await queue.server.close();
});

const add = (...tasks: Record<string, unknown>[]) => mustCall(client, "add_tasks", { tasks });
const claim = (args: Record<string, unknown> = {}) =>
  mustCall(client, "claim_task", { agent: "ann", ...args });
const tokenOf = (answer: Record<string, unknown>): string => JSON.parse(JSON.stringify(answer)).claim.token;
const idOf = (answer: Record<string, unknown>): string => JSON.parse(JSON.stringify(answer)).task.id;
const statusOf = async (id: string): Promise<unknown> =>
  JSON.parse(JSON.stringify(await mustCall(client, "get_task", { id }))).task.status;

test("a chain is given out in order, the most urgent first", async () => {
  const added = await add(
    { ref: "build", title: "build", depends_on: ["plan"] },
    { ref: "plan", title: "plan" },
    { title: "urgent", priority: 9 },
  );
  expect(added).toEqual({
    tasks: [
      { ref: "build", id: "tsk_0001", status: "blocked" },
      { ref: "plan", id: "tsk_0002", status: "ready" },
      { id: "tsk_0003", status: "ready" },
    ],
  });
  expect(idOf(await claim())).toBe("tsk_0003");
  const plan = await claim();
  expect(idOf(plan)).toBe("tsk_0002");
  expect(await claim()).toEqual({ task: null, why_none: "nothing is ready for you: 1 blocked, 2 running" });
  expect(await mustCall(client, "complete_task", { token: tokenOf(plan), output: { files: 3 } })).toEqual({
    status: "succeeded",
    verified: false,
    unblocked: ["tsk_0001"],
  });
  const build = await claim();
  expect(build).toMatchObject({
    task: { id: "tsk_0001", dependency_outputs: [{ id: "tsk_0002", output: { files: 3 } }] },
    claim: { attempt: 1 },
  });
});

test("a cycle or an unknown reference adds nothing", async () => {
  const cycle = await callTool(client, "add_tasks", {
    tasks: [
      { title: "free" },
      { ref: "a", title: "a", depends_on: ["b"] },
      { ref: "b", title: "b", depends_on: ["a"] },
    ],
  });
  expect(cycle).toMatchObject({
    ok: false,
    error: { code: "invalid", message: expect.stringContaining("a -> b -> a") },
  });
  const unknown = await callTool(client, "add_tasks", {
    tasks: [{ title: "free" }, { title: "x", depends_on: ["nowhere"] }],
  });
  expect(unknown).toMatchObject({ ok: false, error: { code: "not_found" } });
  expect(
    await callTool(client, "add_tasks", {
      tasks: [
        { ref: "a", title: "a" },
        { ref: "a", title: "b" },
      ],
    }),
  ).toMatchObject({
    ok: false,
    error: { code: "invalid" },
  });
  expect(await mustCall(client, "list_tasks", {})).toEqual({ tasks: [] });
});

test("failures wait longer each time, then the task is dead and its dependents need a decision", async () => {
  await add(
    { ref: "a", title: "a", max_attempts: 2 },
    { ref: "b", title: "b", depends_on: ["a"] },
    { ref: "c", title: "c", depends_on: [{ task: "a", on: "finish" }] },
  );
  const first = await claim();
  expect(
    await mustCall(client, "fail_task", { token: tokenOf(first), error: { message: "no luck" } }),
  ).toEqual({
    status: "scheduled",
    retry_at: "2026-01-01T00:00:01.000Z",
  });
  expect(await claim()).toMatchObject({ task: null });
  expect(await statusOf("tsk_0001")).toBe("scheduled");
  queue.advance(1_000);
  expect(await statusOf("tsk_0001")).toBe("ready");
  const second = await claim();
  expect(second).toMatchObject({ task: { id: "tsk_0001" }, claim: { attempt: 2 } });
  expect(
    await mustCall(client, "fail_task", { token: tokenOf(second), error: { message: "again" } }),
  ).toEqual({ status: "dead" });
  expect(await statusOf("tsk_0002")).toBe("needs_decision");
  expect(await statusOf("tsk_0003")).toBe("ready");
});

test("a silent holder loses the task with its checkpoint, and its token is stale from then on", async () => {
  await add({ title: "a" });
  const first = await claim({ lease_s: 10 });
  await mustCall(client, "report_progress", {
    token: tokenOf(first),
    progress: 0.5,
    checkpoint: { line: 7 },
    note: "half way",
  });
  queue.advance(10_001);
  const second = await claim({ agent: "bob" });
  expect(second).toMatchObject({
    task: { checkpoint: { line: 7 }, notes: ["half way"] },
    claim: { attempt: 2 },
  });
  for (const [tool, args] of [
    ["complete_task", {}],
    ["report_progress", {}],
    ["fail_task", { error: { message: "x" } }],
    ["release_task", {}],
  ] as const) {
    expect(await callTool(client, tool, { token: tokenOf(first), ...args })).toMatchObject({
      ok: false,
      error: { code: "conflict" },
    });
  }
  expect(await mustCall(client, "complete_task", { token: tokenOf(second) })).toMatchObject({
    status: "succeeded",
  });
});

test("every call with the token renews the lease", async () => {
  await add({ title: "a" });
  const held = await claim({ lease_s: 10 });
  for (let i = 0; i < 5; i += 1) {
    queue.advance(9_000);
    await mustCall(client, "report_progress", { token: tokenOf(held) });
  }
  expect(await claim({ agent: "bob" })).toMatchObject({ task: null });
});

test("evidence decides where there is acceptance", async () => {
  const acceptance = [{ run: "npm run lint" }, { tests: "npm test" }];
  await add(
    { title: "proved", acceptance },
    { title: "unproved", acceptance },
    { title: "false proof", acceptance, max_attempts: 1 },
    { title: "proof of another tree", acceptance, max_attempts: 1 },
  );
  const proved = tokenOf(await claim());
  expect(
    await mustCall(client, "complete_task", { token: proved, evidence: ["ok:npm run lint", "ok:npm test"] }),
  ).toMatchObject({ status: "succeeded", verified: true });
  const unproved = await claim();
  expect(await mustCall(client, "complete_task", { token: tokenOf(unproved) })).toMatchObject({
    status: "needs_review",
    verified: false,
  });
  const review = { id: idOf(unproved), verdict: "accept" };
  expect(await callTool(client, "review_task", { ...review, agent: "ann" })).toMatchObject({
    ok: false,
    error: { code: "denied" },
  });
  const byBob = { ...review, agent: "bob" };
  for (const evidence of [["ok:npm test"], ["ok:npm run lint", "bad:npm test"], ["forged"]])
    expect(await callTool(client, "review_task", { ...byBob, evidence })).toMatchObject({
      ok: false,
      error: { code: "invalid" },
    });
  expect(
    await mustCall(client, "review_task", { ...byBob, evidence: ["ok:npm run lint", "ok:npm test"] }),
  ).toMatchObject({ status: "succeeded" });
  expect(await mustCall(client, "get_task", { id: review.id })).toMatchObject({ task: { verified: true } });
  const wrong = tokenOf(await claim());
  expect(
    await mustCall(client, "complete_task", {
      token: wrong,
      evidence: ["ok:npm run lint", "bad:npm test", "forged"],
    }),
  ).toEqual({
    status: "dead",
    verified: false,
    unblocked: [],
    unmet: ["npm test: exited 1", "1 of the receipts cannot be verified"],
  });
  expect(
    await mustCall(client, "complete_task", {
      token: tokenOf(await claim()),
      evidence: ["ok:npm run lint:b2", "ok:npm test:a1"],
      tree: "b2",
    }),
  ).toMatchObject({ status: "dead", unmet: ["npm test: the receipt is of another tree"] });
});

test("capabilities, assignment and reserved paths decide who gets what", async () => {
  await add(
    { title: "gpu", capabilities: ["gpu"], priority: 10 },
    { title: "for bob", assignee: "bob", priority: 9 },
    { title: "core", paths: ["src/core/**"], priority: 8 },
    { title: "one file of core", paths: ["src/core/a.ts"], priority: 7 },
    { title: "docs", paths: ["docs/**"], priority: 6 },
  );
  expect(await claim()).toMatchObject({ task: { title: "core" } });
  expect(await claim()).toMatchObject({ task: { title: "docs" } });
  expect(await claim()).toMatchObject({
    task: null,
    why_none: expect.stringContaining("1 ready tasks need capabilities"),
  });
  expect(await claim({ agent: "bob" })).toMatchObject({ task: { title: "for bob" } });
  expect(await claim({ capabilities: ["gpu"] })).toMatchObject({ task: { title: "gpu" } });
});

test("a claim repeated under its key is the same claim", async () => {
  await add({ title: "a" }, { title: "b" });
  const first = await claim({ idempotency_key: "k" });
  expect(await claim({ idempotency_key: "k" })).toEqual(first);
  expect(idOf(await claim())).not.toBe(idOf(first));
  expect(await claim({ idempotency_key: "empty" })).toMatchObject({ task: null });
  await add({ title: "c" });
  expect(await claim({ idempotency_key: "empty" })).toMatchObject({ task: { title: "c" } });
});

test("a released attempt does not count against the limit, and its number is not used again", async () => {
  await add({ title: "a", max_attempts: 1 });
  const held = await claim();
  expect(await mustCall(client, "release_task", { token: tokenOf(held), note: "too tired" })).toEqual({
    status: "ready",
  });
  expect(await claim({ agent: "bob" })).toMatchObject({
    task: { notes: ["too tired"], excused_attempts: 1 },
    claim: { attempt: 2 },
  });
});

test("cancelled work is gone, and what waited for it needs a decision", async () => {
  await add({ ref: "a", title: "a" }, { title: "b", depends_on: [{ task: "a", on: "finish" }] });
  await mustCall(client, "update_task", { id: "tsk_0001", changes: { status: "cancelled" } });
  expect(await statusOf("tsk_0001")).toBe("cancelled");
  expect(await statusOf("tsk_0002")).toBe("needs_decision");
  expect(
    await callTool(client, "update_task", { id: "tsk_0001", changes: { status: "ready" } }),
  ).toMatchObject({ ok: false, error: { code: "invalid_state" } });
});

test.each([
  ["complete_task", {}],
  ["fail_task", { error: { message: "stopped" } }],
  ["release_task", {}],
])("the holder of cancelled work is asked to stop; its paths stay reserved until %s", async (tool, args) => {
  await add(
    { ref: "a", title: "a", paths: ["src/**"] },
    { title: "b", depends_on: ["a"] },
    { title: "c", paths: ["src/a.ts"] },
  );
  const held = await claim({ lease_s: 60 });
  expect(await mustCall(client, "report_progress", { token: tokenOf(held) })).toMatchObject({
    cancel_requested: false,
  });
  await mustCall(client, "update_task", { id: "tsk_0001", changes: { status: "cancelled" } });
  expect(await statusOf("tsk_0001")).toBe("running");
  expect(await claim({ agent: "bob" })).toMatchObject({ task: null });
  queue.advance(30_000);
  expect(await mustCall(client, "report_progress", { token: tokenOf(held), extend_s: 86_400 })).toEqual({
    cancel_requested: true,
    expires_at: "2026-01-01T00:01:00.000Z",
  });
  expect(await mustCall(client, tool, { token: tokenOf(held), ...args })).toMatchObject({
    status: "cancelled",
  });
  expect(await statusOf("tsk_0002")).toBe("needs_decision");
  expect(await claim({ agent: "bob" })).toMatchObject({ task: { title: "c" } });
  expect(await callTool(client, tool, { token: tokenOf(held), ...args })).toMatchObject({
    ok: false,
    error: { code: "conflict" },
  });
});

test("a holder that ignores the request loses the task with its lease", async () => {
  await add({ title: "a" });
  const held = await claim({ lease_s: 10 });
  await mustCall(client, "update_task", { id: "tsk_0001", changes: { status: "cancelled" } });
  queue.advance(9_000);
  await mustCall(client, "report_progress", { token: tokenOf(held) });
  queue.advance(1_001);
  expect(await statusOf("tsk_0001")).toBe("cancelled");
});

test("an edit of finished work does not count it again", async () => {
  await add({ ref: "a", title: "a" }, { ref: "b", title: "b" }, { title: "c", depends_on: ["a", "b"] });
  await mustCall(client, "complete_task", { token: tokenOf(await claim()) });
  await mustCall(client, "update_task", { id: "tsk_0001", changes: { title: "a, done" } });
  expect(await statusOf("tsk_0003")).toBe("blocked");
});

test("ready means now for a task that waits for the clock, and is refused where work is missing", async () => {
  await add(
    { ref: "a", title: "later", not_before: "2026-01-02T00:00:00Z" },
    { title: "b", depends_on: ["a"] },
  );
  expect(
    await callTool(client, "update_task", { id: "tsk_0002", changes: { status: "ready" } }),
  ).toMatchObject({ ok: false, error: { code: "invalid_state" } });
  expect(
    await mustCall(client, "update_task", { id: "tsk_0001", changes: { status: "ready" } }),
  ).toMatchObject({ task: { status: "ready" } });
});

test("a person lets a task go on without what died", async () => {
  await add(
    { ref: "a", title: "a", max_attempts: 1 },
    { ref: "b", title: "b", priority: 1 },
    { title: "c", depends_on: ["a", "b"] },
  );
  await mustCall(client, "fail_task", { token: tokenOf(await claim()), error: { message: "no" } });
  expect(await statusOf("tsk_0003")).toBe("needs_decision");
  await mustCall(client, "update_task", { id: "tsk_0003", changes: { status: "ready" } });
  expect(await statusOf("tsk_0003")).toBe("blocked");
  await mustCall(client, "complete_task", { token: tokenOf(await claim()) });
  expect(await statusOf("tsk_0003")).toBe("ready");
});

test("dead work queued again gets one more attempt, and holds back what has not started", async () => {
  await add(
    { ref: "a", title: "a", max_attempts: 1 },
    { ref: "b", title: "b", priority: 1 },
    { title: "c", depends_on: [{ task: "a", on: "finish" }, "b"] },
  );
  await mustCall(client, "fail_task", { token: tokenOf(await claim()), error: { message: "no" } });
  await mustCall(client, "update_task", { id: "tsk_0001", changes: { status: "ready" } });
  await mustCall(client, "complete_task", { token: tokenOf(await claim()) });
  expect(await statusOf("tsk_0003")).toBe("blocked");
  await mustCall(client, "complete_task", { token: tokenOf(await claim()) });
  expect(await statusOf("tsk_0003")).toBe("ready");
});

test("the same dependency twice counts once, and the stricter wish holds", async () => {
  const on = { task: "a", on: "finish" };
  await add(
    { ref: "a", title: "a", max_attempts: 1 },
    { title: "b", depends_on: [on, "a", on] },
    { title: "c", depends_on: [on, on] },
  );
  await mustCall(client, "fail_task", { token: tokenOf(await claim()), error: { message: "no" } });
  expect(await statusOf("tsk_0002")).toBe("needs_decision");
  expect(await statusOf("tsk_0003")).toBe("ready");
});

test("a ref that looks like an id is refused, and a task cannot wait for itself", async () => {
  await add({ title: "a" });
  for (const task of [
    { ref: "tsk_0001", title: "b" },
    { ref: "b", title: "b", depends_on: ["b"] },
  ]) {
    expect(await callTool(client, "add_tasks", { tasks: [task] })).toMatchObject({
      ok: false,
      error: { code: "invalid" },
    });
  }
});

test("work that is refused for its evidence keeps what it cost", async () => {
  await add({ title: "a", acceptance: [{ run: "check" }], max_attempts: 1 });
  await mustCall(client, "complete_task", {
    token: tokenOf(await claim()),
    evidence: ["bad:check"],
    usage: { tokens: 70 },
  });
  expect(await mustCall(client, "get_task", { id: "tsk_0001" })).toMatchObject({
    task: { usage: { tokens: 70 } },
  });
});

test("a review needs a name where the caller may be whoever did the work", async () => {
  await add({ title: "a", acceptance: [{ run: "check" }] }, { title: "b", acceptance: [{ run: "check" }] });
  await mustCall(client, "complete_task", { token: tokenOf(await claim({ agent: "ann" })) });
  await mustCall(client, "complete_task", { token: tokenOf(await claim({ agent: "ann" })) });
  expect(await callTool(client, "review_task", { id: "tsk_0001", verdict: "accept" })).toMatchObject({
    ok: false,
    error: { code: "denied", hint: "give your name as agent" },
  });
  expect(
    await run(queue.server, "review_task", { id: "tsk_0002", verdict: "accept" }, undefined, "token:b"),
  ).toMatchObject({ status: "succeeded" });
  expect(
    await mustCall(client, "review_task", { id: "tsk_0001", agent: "eve", verdict: "accept" }),
  ).toMatchObject({ status: "succeeded" });
});
