import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../../support/all-servers.ts";
import { HOT_QUERIES } from "../../../../servers/tasks/store/sqlite.ts";
import { tasksForTest } from "../../../support/tasks.ts";
import { run } from "../call.ts";

const home = temporaryFolder("tasks-plans");
const queue = tasksForTest(join(home.path, "tasks.db"));
afterAll(async () => {
  await queue.server.close();
  home.dispose();
});

// Blocked tasks must cost a claim nothing; ready ones that are not for the caller must be walked over once.
beforeAll(async () => {
  const blocked = Array.from({ length: 498 }, (_, i) => ({ title: `b${i}`, depends_on: ["root"] }));
  for (let i = 0; i < 20; i += 1)
    await run(queue.server, "add_tasks", {
      tasks: [{ ref: "root", title: "root", priority: 1 }, ...blocked],
    });
  const gpu = Array.from({ length: 500 }, (_, i) => ({
    title: `g${i}`,
    capabilities: ["gpu"],
    priority: 1 + (i % 10),
  }));
  for (let i = 0; i < 10; i += 1) await run(queue.server, "add_tasks", { tasks: gpu });
}, 60_000);

test("a claim behind five thousand tasks for others finds its own, in order and without counting off", async () => {
  const began = performance.now();
  const { task } = (await run(queue.server, "claim_task", { agent: "ann" })) as { task: { title: string } };
  expect(task.title).toBe("root");
  // Generous: the rows are read once each. Paging by OFFSET grew with the square.
  expect(performance.now() - began).toBeLessThan(2_000);
});

test.each([
  ["ready", "SCAN task USING INDEX task_ready"],
  ["readySamePriority", "SEARCH task USING INDEX task_ready (priority=? AND seq>?)"],
  ["readyLowerPriority", "SEARCH task USING INDEX task_ready (priority<?)"],
  ["leases", "SEARCH task USING INDEX task_lease (lease_until<?)"],
  ["schedules", "SEARCH task USING INDEX task_wait (not_before<?)"],
] as const)("the query for %s reads its partial index in order", (name, expected) => {
  const db = new DatabaseSync(join(home.path, "tasks.db"), { readOnly: true });
  try {
    const plan = db
      .prepare(`EXPLAIN QUERY PLAN ${HOT_QUERIES[name]}`)
      .all()
      .map((row) => String(row["detail"]));
    expect(plan[0]).toBe(expected);
    expect(plan.join()).not.toContain("TEMP B-TREE");
  } finally {
    db.close();
  }
});

test("sixty thousand dependencies in one call are added in seconds", async () => {
  const refs = Array.from({ length: 250 }, (_, i) => `r${i}`);
  const tasks = [
    ...refs.map((ref) => ({ ref, title: ref })),
    ...Array.from({ length: 250 }, (_, i) => ({ title: `w${i}`, depends_on: refs })),
  ];
  const began = performance.now();
  await run(queue.server, "add_tasks", { tasks });
  expect(performance.now() - began).toBeLessThan(15_000);
}, 30_000);
