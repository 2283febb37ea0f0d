import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { temporaryFolder } from "../../../support/all-servers.ts";
import type { TaskStore } from "../../../../servers/tasks/index.ts";
import { listQuery } from "../../../../servers/tasks/store/list.ts";
import { HOT_QUERIES } from "../../../../servers/tasks/store/sqlite.ts";
import { tasksForTest } from "../../../support/tasks.ts";
import { run } from "../call.ts";

const home = temporaryFolder("tasks-plans");
const path = join(home.path, "tasks.db");
const looked: { ready: string[]; found: string[] } = { ready: [], found: [] };
const queue = tasksForTest(path, watched);
afterAll(async () => {
  await queue.server.close();
  home.dispose();
});

/** Notes what a change takes out of the store: the cost that grows, on a machine of any speed. */
function watched(store: TaskStore): TaskStore {
  return {
    ...store,
    answer: (writer, work, isKept) =>
      store.answer(
        writer,
        (tx) =>
          work({
            ...tx,
            async readyPage(filter, after, limit) {
              const page = await tx.readyPage(filter, after, limit);
              looked.ready.push(...page.map(({ id }) => id));
              return page;
            },
            find(id) {
              looked.found.push(id);
              return tx.find(id);
            },
          }),
        isKept,
      ),
  };
}
beforeEach(() => {
  looked.ready = [];
  looked.found = [];
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

test("a claim behind thousands of tasks for others finds its own, and takes none out of the store twice", async () => {
  const { task } = await run<{ task: { title: string } }>(queue.server, "claim_task", { agent: "ann" });
  expect(task.title).toBe("root");
  // 4,500 are more urgent and in the index only.
  expect(looked.ready.length).toBeLessThan(10);
});

test("an agent for whom nothing fits takes nothing out of the store, and hears why", async () => {
  await run(queue.server, "add_tasks", {
    tasks: [{ title: "g", milestone: "cards", capabilities: ["gpu"] }],
  });
  const { why_none } = await run<{ why_none: string }>(queue.server, "claim_task", {
    agent: "ann",
    milestone: "cards",
  });
  expect(why_none).toBe("1 ready tasks need capabilities you did not name");
  expect(looked.ready).toEqual([]);
});

test("of many tasks that wait for paths the first 64 are looked at, then those that need none", async () => {
  const other = tasksForTest(":memory:", watched);
  const claim = () =>
    run<{ task: { title: string } | null; why_none?: string }>(other.server, "claim_task", { agent: "ann" });
  const held = Array.from({ length: 200 }, (_, i) => ({ title: `h${i}`, paths: ["src/**"], priority: 9 }));
  await run(other.server, "add_tasks", { tasks: [...held, { title: "free" }] });
  expect((await claim()).task?.title).toBe("h0");
  looked.ready = [];
  expect((await claim()).task?.title).toBe("free");
  expect((await claim()).why_none).toBe("64 or more wait for paths that running tasks have reserved");
  expect(looked.ready.length).toBeLessThan(2 * 150);
  await other.server.close();
});

test.each([
  ["ready", "SCAN task USING INDEX task_ready"],
  ["readyAfter", "SEARCH task USING INDEX task_ready ((rank,seq)>(?,?))"],
  ["readyOf", "SEARCH task USING INDEX task_ready_of (milestone=?)"],
  ["readyOfAfter", "SEARCH task USING INDEX task_ready_of (milestone=? AND (rank,seq)>(?,?))"],
  ["needing", "SCAN task USING INDEX task_ready"],
  ["leases", "SEARCH task USING INDEX task_lease (lease_until<?)"],
  ["load", "SEARCH task USING COVERING INDEX task_worker (worker=?)"],
  ["silent", "SEARCH agent USING INDEX agent_silent (last_call_at<?)"],
  ["schedules", "SEARCH task USING INDEX task_wait (not_before<?)"],
] as const)("the query for %s reads its partial index in order", (name, expected) => {
  const db = new DatabaseSync(path, { readOnly: true });
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

test.each([
  [{}, "sqlite_autoindex_task_2"],
  [{ status: ["running"] }, "task_status"],
  [{ status: ["running", "dead"], milestone: "m" }, "task_milestone"],
  [{ type: "fix" }, "task_by_type"],
  [{ type: "fix", status: ["ready"] }, "task_by_type"],
  [{ agent: "ann", status: ["running"] }, "task_by_worker"],
  [{ agent: "ann" }, "task_by_assignee"],
] as const)("a list of %j seeks to where its page begins", (wanted, index) => {
  const query = { status: undefined, type: undefined, milestone: undefined, agent: undefined, ...wanted };
  const db = new DatabaseSync(path, { readOnly: true });
  const plan = db
    .prepare(`EXPLAIN QUERY PLAN ${listQuery(query)}`)
    .all()
    .map((row) => String(row["detail"]));
  db.close();
  expect(plan.join("\n")).toContain(`SEARCH task USING INDEX ${index} (`);
  // Every run of an index goes on after the last task of the page before; none is walked over from its beginning.
  for (const step of plan.filter((line) => line.includes(" task USING INDEX") && !line.includes("(id=?)")))
    expect(step).toMatch(/^SEARCH .*seq>\?/);
});

test("lists name each task once, oldest first, whatever they are by", async () => {
  const [a, b] = (
    await run<{ tasks: { id: string }[] }>(queue.server, "add_tasks", {
      tasks: [
        { title: "mine", type: "odd", milestone: "m", assignee: "amy", priority: 10 },
        { title: "mine, too", type: "odd", milestone: "m", assignee: "amy" },
      ],
    })
  ).tasks.map(({ id }) => id);
  await run(queue.server, "claim_task", { agent: "amy", task_id: b });
  const list = async (args: Record<string, unknown>) =>
    (await run<{ tasks: { id: string }[] }>(queue.server, "list_tasks", args)).tasks.map(({ id }) => id);
  for (const args of [
    { agent: "amy" },
    { milestone: "m" },
    { type: "odd" },
    { type: "odd", status: ["running", "ready"], agent: "amy", milestone: "m", text: "MINE" },
  ])
    expect(await list(args), JSON.stringify(args)).toEqual([a, b]);
  expect(await list({ type: "odd", cursor: a })).toEqual([b]);
  expect(await list({ milestone: "m", status: ["ready"] })).toEqual([a]);
  expect(await list({ agent: "amy", type: "task" })).toEqual([]);
});

test("sixty thousand dependencies in one call look up each task once that exists, and no new one", async () => {
  const { tasks: existing } = await run<{ tasks: { id: string }[] }>(queue.server, "add_tasks", {
    tasks: Array.from({ length: 125 }, (_, i) => ({ title: `e${i}` })),
  });
  const ids = existing.map(({ id }) => id);
  const refs = Array.from({ length: 125 }, (_, i) => `r${i}`);
  const { tasks: added } = await run<{ tasks: { id: string; status: string }[] }>(queue.server, "add_tasks", {
    tasks: [
      ...refs.map((ref) => ({ ref, title: ref })),
      ...Array.from({ length: 250 }, (_, i) => ({ title: `w${i}`, depends_on: [...ids, ...refs] })),
    ],
  });
  expect(added.filter(({ status }) => status === "blocked")).toHaveLength(250);
  expect(looked.found.toSorted()).toEqual(ids.toSorted());
  const { task } = await run<{ task: unknown }>(queue.server, "get_task", { id: added.at(-1)?.id });
  expect(task).toMatchObject({ status: "blocked", open_dependencies: 250 });
}, 30_000);
