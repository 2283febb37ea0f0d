import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { listBackups } from "../../../../kernel/sqlite/backup.ts";
import { openDatabase } from "../../../../kernel/sqlite/open.ts";
import { APPLICATION_ID, MIGRATIONS } from "../../../../servers/tasks/store/schema.ts";
import { temporaryFolder } from "../../../support/all-servers.ts";
import { tasksForTest } from "../../../support/tasks.ts";
import { run } from "../call.ts";

let home: ReturnType<typeof temporaryFolder>;
beforeEach(() => void (home = temporaryFolder("tasks-migration")));
afterEach(() => home.dispose());

/** A store as the first schema made it, with the rows of a queue in use. */
async function firstStore(): Promise<string> {
  const now = join(home.path, "now.db");
  const queue = tasksForTest(now);
  await run(queue.server, "add_tasks", {
    tasks: [
      { ref: "a", title: "first", max_attempts: 2 },
      { title: "second", depends_on: ["a"] },
    ],
  });
  await run(queue.server, "claim_task", { agent: "ann" });
  await queue.server.close();
  const path = join(home.path, "tasks.db");
  openDatabase({ path, applicationId: APPLICATION_ID, migrations: MIGRATIONS.slice(0, 1) }).close();
  const db = new DatabaseSync(path);
  db.prepare("ATTACH ? AS now").run(now);
  for (const table of ["task", "dependency", "event"]) {
    const columns = db
      .prepare("SELECT name FROM pragma_table_info(?)")
      .all(table)
      .map((row) => row["name"])
      .join();
    db.exec(`INSERT INTO main.${table} (${columns}) SELECT ${columns} FROM now.${table}`);
  }
  db.close();
  return path;
}

test("a store of the first schema opens, is backed up before it changes, and goes on working", async () => {
  const path = await firstStore();
  expect(listBackups(path)).toEqual([]);
  const queue = tasksForTest(path);
  try {
    expect(listBackups(path)).toHaveLength(1);
    const copy = new DatabaseSync(listBackups(path)[0] ?? "", { readOnly: true });
    expect(copy.prepare("SELECT user_version AS version FROM pragma_user_version").get()).toEqual({
      version: 1,
    });
    expect(copy.prepare("SELECT count(*) AS n FROM task").get()).toEqual({ n: 2 });
    copy.close();
    // The attempt that was under way is still held, and counts against what its agent may hold.
    await run(queue.server, "register_agent", { name: "ann", max_concurrent: 1 });
    expect(await run(queue.server, "claim_task", { agent: "ann" })).toMatchObject({ task: null });
    expect(await run(queue.server, "complete_task", { token: "clm_1" })).toMatchObject({
      status: "succeeded",
    });
    expect(await run(queue.server, "claim_task", { agent: "ann" })).toMatchObject({
      task: { title: "second" },
    });
    await run(queue.server, "send_message", { to: "ann", text: "well done", from: "bob" });
    expect(await run(queue.server, "read_messages", { agent: "ann" })).toMatchObject({
      messages: [{ text: "well done" }],
    });
  } finally {
    await queue.server.close();
  }
});
