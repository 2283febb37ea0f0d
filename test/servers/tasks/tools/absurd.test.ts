import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { temporaryFolder } from "../../../support/all-servers.ts";
import { tasksForTest } from "../../../support/tasks.ts";
import { run } from "../call.ts";

const home = temporaryFolder("tasks-absurd");
const path = join(home.path, "tasks.db");
const queue = tasksForTest(path);
afterAll(async () => {
  await queue.server.close();
  home.dispose();
});

const call = (name: string, args: Record<string, unknown> = {}) => run(queue.server, name, args);
const claim = async (args: Record<string, unknown> = {}) =>
  (await run<{ claim: { token: string } }>(queue.server, "claim_task", { agent: "ann", ...args })).claim
    .token;

/** What an older version let in. */
function poison(sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

test.each<[string, Record<string, unknown>]>([
  ["fail_task", { token: "clm_x", error: { message: "no" }, usage: { usd: 1e308 } }],
  ["complete_task", { token: "clm_x", usage: { tokens: 1.7e308 } }],
  ["report_progress", { token: "clm_x", usage: { tokens: 1.1e15 } }],
  ["add_tasks", { tasks: [{ title: "a", estimate_s: 1e13 }] }],
  ["add_tasks", { tasks: [{ title: "a", budget: { usd: 1e308 } }] }],
  ["set_milestone", { name: "m", budget: { tokens: 1e308 } }],
  ["set_milestone", { name: "m", budget: { attempts: 1e15 } }],
])("%s refuses %j", async (name, args) => {
  await expect(call(name, args)).rejects.toThrow(/Too big/);
});

test("sums that were stored beyond all bounds are clamped, and the queue goes on", async () => {
  await call("set_milestone", { name: "m", budget: { usd: 1e9, tokens: 1e15 } });
  await call("set_milestone", { name: "below", parent: "m" });
  await call("add_tasks", { tasks: [{ title: "rich", milestone: "below" }, { title: "plain" }] });
  poison(`UPDATE task SET body = json_set(body, '$.spent.usd', 1.7e308, '$.spent.tokens', 1.7e308, '$.estimateS', 1e308);
    INSERT INTO ledger VALUES ('m', 1.7e308, 1.7e308, 1.7e308, 0), ('below', 1.7e308, 1.7e308, 1.7e308, 0);`);
  expect(await call("claim_task", { agent: "ann", milestone: "below" })).toMatchObject({ task: null });
  const token = await claim();
  await call("fail_task", { token, error: { message: "no" }, usage: { usd: 1e9, tokens: 1e15 } });
  queue.advance(60_000);
  const { milestones } = await run<{ milestones: unknown[] }>(queue.server, "get_roadmap", {});
  expect(milestones).toContainEqual(
    expect.objectContaining({ spent: expect.objectContaining({ usd: 1e9 }) }),
  );
  await call("complete_task", { token: await claim() });
  // With an attempt that took time there is a forecast, however absurd the estimates are.
  expect(await call("explain_tasks")).toMatchObject({ forecast: { p90_s: expect.any(Number) } });
  const { milestones: later } = await run<{ milestones: { forecast?: unknown }[] }>(
    queue.server,
    "get_roadmap",
    {},
  );
  expect(later.map(({ forecast }) => forecast)).toContainEqual({
    p50: expect.any(String),
    p90: expect.any(String),
  });
});

test("a row that nobody can read holds up nobody else's upkeep, and is looked at again later", async () => {
  const { tasks } = await run<{ tasks: { id: string }[] }>(queue.server, "add_tasks", {
    tasks: [
      { title: "bad", not_before: "2026-01-01T01:00:00Z" },
      { title: "good", not_before: "2026-01-01T01:00:00Z" },
    ],
  });
  const [bad, good] = tasks.map(({ id }) => id);
  poison(`UPDATE task SET body = json_set(body, '$.spent.usd', 'much') WHERE id = '${bad}'`);
  queue.advance(3_600_000);
  expect(await call("get_task", { id: good })).toMatchObject({ task: { status: "ready" } });
  const told = await run<{ events: { subject: string; type: string }[] }>(queue.server, "read_events", {
    limit: 1_000,
    max_tokens: 20_000,
  });
  expect(told.events.filter(({ subject }) => subject === bad)).toHaveLength(2);
  poison(`UPDATE task SET body = json_set(body, '$.spent.usd', 0) WHERE id = '${bad}'`);
  queue.advance(3_600_000);
  expect(await call("get_task", { id: bad })).toMatchObject({ task: { status: "ready" } });
});

test("an attempt ends whatever its tools printed: an error is cut, and a bound that is not named stays", async () => {
  const { tasks } = await run<{ tasks: { id: string }[] }>(queue.server, "add_tasks", {
    tasks: [{ title: "loud", budget: { usd: 5 } }],
  });
  const id = tasks[0]?.id;
  const token = await claim({ task_id: id });
  await call("fail_task", { token, error: { message: "m".repeat(5_000), log: "l".repeat(300_000) } });
  await call("update_task", { id, changes: { budget: { tokens: 9 } } });
  const { task } = await run<{ task: Record<string, unknown> }>(queue.server, "get_task", {
    id,
    max_tokens: 20_000,
  });
  expect(task).toMatchObject({ status: "scheduled", budget: { usd: 5, tokens: 9 } });
});
