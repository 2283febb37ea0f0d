import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tasksForTest } from "../../../support/tasks.ts";
import { codeOf, run } from "../call.ts";

let queue: ReturnType<typeof tasksForTest>;
beforeEach(() => void (queue = tasksForTest()));
afterEach(() => queue.server.close());

const call = <T = Record<string, unknown>>(name: string, args: Record<string, unknown> = {}) =>
  run<T>(queue.server, name, args);
const add = async (...tasks: readonly Record<string, unknown>[]): Promise<string[]> =>
  (await call<{ tasks: { id: string }[] }>("add_tasks", { tasks })).tasks.map(({ id }) => id);
const claim = async (args: Record<string, unknown> = {}) =>
  (await call<{ claim: { token: string } }>("claim_task", { agent: "ann", ...args })).claim.token;

/** Every item of a list, one page of two after the other; each page but the last holds two. */
async function pages(name: string, field: string, args: Record<string, unknown> = {}): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (let cursor: unknown; ;) {
    const page = await call(name, { ...args, limit: 2, ...(cursor === undefined ? {} : { cursor }) });
    const items = page[field];
    if (!Array.isArray(items)) throw new Error(`no ${field}`);
    expect(items.length).toBeLessThanOrEqual(2);
    seen.push(...items);
    cursor = page["next_cursor"];
    if (cursor === undefined) return seen;
    expect(items).toHaveLength(2);
  }
}

test("every list takes a limit and a cursor, and says where it goes on", async () => {
  for (const name of ["a", "b", "c", "d", "e"]) {
    await call("register_agent", { name });
    await call("set_milestone", { name });
    await call("send_message", { to: "a", text: name, from: "z" });
  }
  expect(await pages("list_agents", "agents")).toHaveLength(5);
  expect(await pages("get_roadmap", "milestones")).toHaveLength(5);
  expect(await pages("read_messages", "messages", { agent: "a" })).toHaveLength(5);
  expect(await codeOf(queue.server, "get_roadmap", { cursor: "nobody" })).toBe("invalid");
});

test("an explanation keeps to the budget it is given", async () => {
  const chain = Array.from({ length: 120 }, (_, i) => ({
    ref: `r${i}`,
    title: `step number ${i} of a long chain`,
    depends_on: i === 0 ? [] : [`r${i - 1}`],
  }));
  const [first] = await add(...chain, ...chain.map(({ title }) => ({ title })));
  for (const args of [{}, { id: first }]) {
    const costs: number[] = [];
    for (const max_tokens of [200, 400, 1_500, 6_000]) {
      const cost = countTokens(JSON.stringify(await call("explain_tasks", { ...args, max_tokens })));
      expect(cost).toBeLessThanOrEqual(max_tokens);
      costs.push(cost);
    }
    expect(costs).toEqual(costs.toSorted((a, b) => a - b));
    expect(costs[3]).toBeGreaterThan(costs[2] ?? 0);
  }
});

test("a milestone past the first thousand is found, and paging reaches it", async () => {
  for (let i = 0; i < 1_002; i += 1) await call("set_milestone", { name: `m${String(i).padStart(4, "0")}` });
  expect(await call("get_roadmap", { milestone: "m1001" })).toMatchObject({
    milestones: [{ name: "m1001" }],
  });
  expect(await call("get_roadmap", { cursor: "m1000" })).toMatchObject({
    milestones: [{ name: "m1001" }],
  });
});

test("what a dependency put out is given whole where there is room, else marked as cut", async () => {
  const outputs = [
    { files: Array.from({ length: 150 }, (_, i) => `src/file-${i}.ts`) },
    "done",
    { ok: true },
  ];
  const ids = await add(...outputs.map((_, i) => ({ title: `d${i}` })));
  await add({ title: "last", depends_on: ids });
  for (const output of outputs) await call("complete_task", { token: await claim(), output });
  const give = async (max_tokens: number) => {
    const { task, claim: given } = await call<{
      task: { dependency_outputs: Record<string, unknown>[] };
      claim: { token: string };
    }>("claim_task", { agent: "bob", max_tokens });
    await call("release_task", { token: given.token });
    return task.dependency_outputs;
  };
  expect(await give(4_000)).toEqual(outputs.map((output, i) => ({ id: ids[i], title: `d${i}`, output })));
  const [cut, ...whole] = await give(900);
  expect(cut).toMatchObject({ output: expect.stringMatching(/^\{"files":\["src/), truncated: ["output"] });
  expect(countTokens(String(cut?.["output"]))).toBeGreaterThan(200);
  expect(whole.map(({ output }) => output)).toEqual(outputs.slice(1));
});

test("a ready task whose milestone has nothing left to spend says so", async () => {
  await call("set_milestone", { name: "m", budget: { attempts: 1 } });
  const [, second] = await add({ title: "a", milestone: "m" }, { title: "b", milestone: "m" });
  await claim();
  expect(await call("explain_tasks", { id: second })).toMatchObject({
    status: "ready",
    why: ["the budget of m is spent or reserved"],
  });
});

test("a parent is a task that is there, or one of the same call", async () => {
  expect(await codeOf(queue.server, "add_tasks", { tasks: [{ title: "a", parent: "tsk_none" }] })).toBe(
    "not_found",
  );
  expect(
    await codeOf(queue.server, "add_tasks", {
      tasks: [
        { ref: "p", title: "p", parent: "q" },
        { ref: "q", title: "q", parent: "p" },
      ],
    }),
  ).toBe("invalid");
  expect(await call("list_tasks")).toEqual({ tasks: [] });
  const [child, parent] = await add({ title: "child", parent: "p" }, { ref: "p", title: "parent" });
  expect(await call("get_task", { id: child })).toMatchObject({ task: { parent } });
});

test("a result after the lease is late whether or not anybody looked", async () => {
  const [id] = await add({ title: "a" });
  const token = await claim({ lease_s: 10 });
  queue.advance(10_000);
  await expect(call("complete_task", { token, output: "late" })).rejects.toThrow(`kept beside ${id}`);
  expect(await call("get_task", { id })).toMatchObject({
    task: { status: "ready", orphans: [{ output: "late" }] },
  });
  const again = await claim({ lease_s: 10 });
  queue.advance(10_000);
  for (const name of ["report_progress", "release_task"])
    expect(await codeOf(queue.server, name, { token: again })).toBe("conflict");
});

test("a repeated report of a claim that is lost is refused, and no old expiry given again", async () => {
  const [id] = await add({ title: "a" });
  const token = await claim({ lease_s: 10 });
  const report = { token, progress: 0.5, idempotency_key: "k" };
  const first = await call("report_progress", report);
  expect(await call("report_progress", report)).toEqual(first);
  queue.advance(10_000);
  expect(await codeOf(queue.server, "report_progress", report)).toBe("conflict");
  await claim({ agent: "bob" });
  expect(await codeOf(queue.server, "report_progress", report)).toBe("conflict");
  expect(await call("get_task", { id })).toMatchObject({ task: { agent: "bob" } });
});

test("refusals name what to do instead", async () => {
  const [id] = await add({ title: "a", assignee: "bob" });
  const hinted = { hint: expect.any(String) };
  await expect(call("claim_task", { agent: "ann", task_id: id })).rejects.toMatchObject(hinted);
  await expect(call("review_task", { id, agent: "eve", verdict: "accept" })).rejects.toMatchObject(hinted);
  await call("update_task", { id, changes: { status: "cancelled" } });
  await expect(call("update_task", { id, changes: { add_dependencies: [id] } })).rejects.toMatchObject(
    hinted,
  );
});

test("a text is found in any case of any script", async () => {
  await add({ title: "Zwei ÄPFEL" }, { title: "zwei Birnen" });
  expect(await call("list_tasks", { text: "äpfel" })).toMatchObject({ tasks: [{ title: "Zwei ÄPFEL" }] });
  expect(await call("list_tasks", { text: "BIRNEN" })).toMatchObject({ tasks: [{ title: "zwei Birnen" }] });
});

test("what waits for others, too, is counted down once for each that ends, and keeps the rest of itself", async () => {
  const [a = "", b = ""] = await add({ title: "a" }, { title: "b", max_attempts: 1 });
  const context = { text: "ä\u0000\ud800", number: 1e308 };
  const [both = "", finish = "", paused = ""] = await add(
    { title: "both", depends_on: [a, b], context },
    { title: "finish", depends_on: [a, { task: b, on: "finish" }] },
    { title: "paused", depends_on: [a, b] },
  );
  await call("update_task", { id: paused, changes: { status: "paused" } });
  queue.advance(1_000);
  await call("complete_task", { token: await claim({ task_id: a }) });
  const look = async (id: string) => (await call<{ task: Record<string, unknown> }>("get_task", { id })).task;
  expect(await look(both)).toMatchObject({
    status: "blocked",
    open_dependencies: 1,
    version: 2,
    updated_at: "2026-01-01T00:00:01.000Z",
  });
  expect(JSON.stringify((await look(both))["context"])).toBe(JSON.stringify(context));
  expect(await look(finish)).toMatchObject({ status: "blocked", open_dependencies: 1, version: 2 });
  expect(await look(paused)).toMatchObject({ status: "paused", open_dependencies: 1, version: 4 });
  const token = await claim({ task_id: b });
  await call("fail_task", { token, error: { message: "no" }, retryable: false });
  expect(await look(both)).toMatchObject({ status: "needs_decision" });
  expect(await look(finish)).toMatchObject({ status: "ready" });
  expect(await look(paused)).toMatchObject({ status: "needs_decision" });
});
