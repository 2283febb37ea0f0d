import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callTool, connect, mustCall, type Answer, type Connection } from "../../../support/connect.ts";
import { tasksForTest } from "../../../support/tasks.ts";

// One server over all of it: after every refusal the queue must be what it was.
const queue = tasksForTest();
let open: Connection;
let client: Client;
beforeAll(async () => {
  open = await connect(queue.server);
  client = open.client;
});
afterAll(async () => {
  await open.close();
  await queue.server.close();
});

async function lastEvent(): Promise<unknown> {
  return (await mustCall(client, "read_events", {}))["next_cursor"];
}

/** Calls, and checks that a refusal changed nothing; returns its code (that of the SDK's own checks is "invalid"), message and hint. */
async function refusal(tool: string, args: Record<string, unknown>): Promise<string> {
  const before = await lastEvent();
  const answer = await callTool(client, tool, args).catch((error: unknown) => {
    if (!(error instanceof Error)) throw error;
    const refused: Answer = { ok: false, error: { message: error.message } };
    return refused;
  });
  if (answer.ok) return `not refused: ${JSON.stringify(answer.value)}`;
  expect(await lastEvent()).toBe(before);
  const { code = "invalid", message = "", hint = "" } = answer.error;
  return `${String(code)}: ${String(message)} ${String(hint)}`;
}

const add = (...tasks: readonly Record<string, unknown>[]): Promise<string> =>
  refusal("add_tasks", { tasks });

describe("add_tasks refuses, and adds nothing", () => {
  test("ten thousand tasks in one call", async () => {
    const tasks = Array.from({ length: 10_000 }, (_, i) => ({ title: `t${i}` }));
    expect(await refusal("add_tasks", { tasks })).toMatch(/^invalid: .*500/s);
  });

  test("a description of ten megabytes", async () => {
    const said = await add({ title: "a", description: "x".repeat(10_000_000) });
    expect(said).toMatch(/^invalid: .*description.*50000/s);
    expect(said.length).toBeLessThan(2_000);
  });

  test("a task that depends on itself, and circles of 2 and 500, naming the way round", async () => {
    expect(await add({ ref: "a", title: "a", depends_on: ["a"] })).toMatch(/^invalid: .*circle: a -> a /);
    expect(
      await add({ ref: "a", title: "a", depends_on: ["b"] }, { ref: "b", title: "b", depends_on: ["a"] }),
    ).toMatch(/^invalid: .*circle: (a -> b -> a|b -> a -> b) /);
    const ring = Array.from({ length: 500 }, (_, i) => ({
      ref: `r${i}`,
      title: "r",
      depends_on: [`r${(i + 1) % 500}`],
    }));
    const said = await refusal("add_tasks", { tasks: ring });
    expect(said).toMatch(/^invalid: .*circle: r0 -> r1 -> /);
    expect(said.length).toBeLessThan(1_000);
  });

  test("the same ref twice, a ref like an id, and references to nothing", async () => {
    expect(await add({ ref: "a", title: "a" }, { ref: "a", title: "b" })).toMatch(
      /^invalid: ref "a" is used twice/,
    );
    expect(await add({ ref: "tsk_0001", title: "a" })).toMatch(/^invalid: ref "tsk_0001" looks like/);
    expect(await add({ title: "a", depends_on: ["tsk_none"] })).toMatch(
      /^not_found: there is no task tsk_none/,
    );
    expect(await add({ title: "first" }, { title: "a", depends_on: ["nobody"] })).toMatch(/^not_found: /);
  });

  test.each([
    ["priority", 0],
    ["priority", 11],
    ["priority", 5.5],
    ["priority", "high"],
    ["max_attempts", 0],
    ["max_attempts", 1e9],
    ["estimate_s", -1],
    ["complexity", 1.5],
    ["budget", { tokens: -1 }],
    ["budget", { usd: "much" }],
    ["not_before", "tomorrow"],
    ["not_before", "2026-13-45T99:99:99Z"],
    ["depends_on", Array.from({ length: 501 }, (_, i) => `tsk_${i}`)],
    ["paths", Array.from({ length: 201 }, () => "src/**")],
    ["title", ""],
    ["title", "x".repeat(501)],
    ["bogus", true],
  ])("%s of an absurd value (%#)", async (field, value) => {
    expect(await add({ title: "a", [field]: value })).toMatch(/^invalid: /);
  });
});

describe("numbers too large for any clock or counter", () => {
  test.each([
    ["claim_task", { agent: "ann", lease_s: 31_536_000 }],
    ["claim_task", { agent: "ann", lease_s: 9 }],
    ["claim_task", { agent: "ann", lease_s: 1e300 }],
    ["report_progress", { token: "clm_x", extend_s: 31_536_000 }],
    ["report_progress", { token: "clm_x", progress: 2 }],
    ["report_progress", { token: "clm_x", progress: -0.1 }],
    ["list_tasks", { limit: 1_000_000 }],
    ["list_tasks", { max_tokens: 1e12 }],
    ["read_events", { after: -1 }],
    ["read_events", { wait_ms: 3_600_000 }],
    ["register_agent", { name: "ann", max_concurrent: -1 }],
  ])("%s %j is refused", async (tool, args) => {
    expect(await refusal(tool, args)).toMatch(/^invalid: /);
  });

  test("a date in the year 275000 waits, and never comes due by overflow", async () => {
    const { tasks } = await mustCall(client, "add_tasks", {
      tasks: [{ title: "later", not_before: "9999-12-31T23:59:59Z" }],
    });
    expect(tasks).toEqual([expect.objectContaining({ status: "scheduled" })]);
    expect(await mustCall(client, "claim_task", { agent: "ann" })).toMatchObject({ task: null });
  });
});

describe("ids and tokens that never existed", () => {
  test.each([
    ["get_task", { id: "tsk_none" }],
    ["explain_tasks", { id: "tsk_none" }],
    ["update_task", { id: "tsk_none", changes: { priority: 3 } }],
    ["review_task", { id: "tsk_none", agent: "ann", verdict: "accept" }],
    ["claim_task", { agent: "ann", task_id: "tsk_none" }],
    ["send_message", { to: "ann", text: "x", task_id: "tsk_none" }],
    ["get_task", { id: "x".repeat(100_000) }],
    ["get_task", { id: "tsk_'; DROP TABLE task; --" }],
  ])("%s of %j finds nothing", async (tool, args) => {
    const said = await refusal(tool, args);
    expect(said).toMatch(/^not_found: /);
    expect(said.length).toBeLessThan(1_000);
  });

  test.each([
    ["report_progress", {}],
    ["complete_task", { output: 1 }],
    ["fail_task", { error: { message: "x" } }],
    ["release_task", {}],
  ])("%s with a made-up token is a conflict", async (tool, args) => {
    for (const token of ["clm_never", "", "x".repeat(100_000)])
      expect(await refusal(tool, { token, ...args })).toMatch(/^(conflict|invalid): /);
  });
});

test("a circle of five thousand, closed by its last dependency, is refused with its way round in short", async () => {
  const ids: string[] = [];
  for (let page = 0; page < 10; page += 1) {
    const tasks = Array.from({ length: 500 }, (_, i) => ({
      ref: `c${i}`,
      title: "c",
      depends_on: i > 0 ? [`c${i - 1}`] : ids.slice(-1),
    }));
    const { tasks: added } = await mustCall(client, "add_tasks", { tasks });
    if (Array.isArray(added)) ids.push(...added.map(({ id }: { id: string }) => id));
  }
  expect(ids).toHaveLength(5_000);
  const said = await refusal("update_task", { id: ids[0], changes: { add_dependencies: [ids.at(-1)] } });
  expect(said).toMatch(/^(invalid|conflict): .*circle/);
  expect(said.length).toBeLessThan(2_000);
});
