import { join } from "node:path";
import { z } from "zod";
import { backupDatabase } from "../../kernel/sqlite/backup.ts";
import { checkFile } from "../../kernel/sqlite/check.ts";
import { restoreDatabase } from "../../kernel/sqlite/restore.ts";
import { openTaskStore } from "../../servers/tasks/index.ts";
import { callTool, mustCall } from "../../test/support/connect.ts";
import { startStdioServer } from "../stdio-server.ts";
import { counterProblems } from "./counters.ts";

/** The number that a tasks store writes into its file. */
const TASKS_STORE = 0x53_4c_50_02;

const Added = z.object({ tasks: z.array(z.object({ id: z.string() })) });
const Claimed = z.object({ claim: z.object({ token: z.string() }).optional() });

/**
 * A drill, so many times over on one queue: a server works, a backup is made meanwhile, the server is killed, the
 * backup is restored, and a new server works the rest off. What was acknowledged before the backup began must be
 * there. Returns what went wrong, and how many acknowledged writes the backups held.
 */
export async function drillRestores(
  home: string,
  rounds: number,
): Promise<{ readonly problems: readonly string[]; readonly held: number }> {
  const path = join(home, "tasks.db");
  const problems: string[] = [];
  let held = 0;
  for (let round = 0; round < rounds; round += 1) {
    const server = await startStdioServer("tasks", home);
    const added: string[] = [];
    const completed: string[] = [];
    const tokens: string[] = [];
    const work = async (): Promise<void> => {
      const tasks = [
        { ref: "a", title: "a" },
        { title: "b", depends_on: ["a"] },
      ];
      const answer = Added.parse(await mustCall(server.client, "add_tasks", { tasks }));
      added.push(...answer.tasks.map(({ id }) => id));
      const { task, claim } = z
        .object({ task: z.object({ id: z.string() }), ...Claimed.required().shape })
        .parse(await mustCall(server.client, "claim_task", { agent: "ann" }));
      tokens.push(claim.token);
      await mustCall(server.client, "complete_task", { token: claim.token });
      completed.push(task.id);
    };
    for (let turn = 0; turn < 10; turn += 1) await work();
    const before = { added: [...added], completed: [...completed] };
    const copying = backupDatabase(path, Date.now);
    for (let turn = 0; turn < 10; turn += 1) await work();
    const backup = await copying;
    process.kill(server.pid, "SIGKILL");
    await server.close().catch(() => undefined);

    await restoreDatabase(path, TASKS_STORE, backup, Date.now);
    problems.push(
      ...[...checkFile(path), ...counterProblems(path)].map((line) => `round ${round + 1}: ${line}`),
    );
    const store = openTaskStore(path, Date.now);
    for (const id of before.added) {
      const status = (await store.read((tx) => tx.find(id)))?.status;
      if (status === undefined) problems.push(`round ${round + 1}: ${id} is lost`);
      if (before.completed.includes(id) && status !== "succeeded")
        problems.push(`round ${round + 1}: the completion of ${id} is lost`);
    }
    store.close();
    held += before.added.length + before.completed.length;

    const after = await startStdioServer("tasks", home);
    // The backup may have caught a task between its claim and its end: who holds it goes on. All other tokens are refused.
    for (const token of tokens) await callTool(after.client, "complete_task", { token });
    for (;;) {
      const { claim } = Claimed.parse(await mustCall(after.client, "claim_task", { agent: "bob" }));
      if (claim === undefined) break;
      await mustCall(after.client, "complete_task", { token: claim.token });
    }
    const left = await mustCall(after.client, "list_tasks", { status: ["ready", "blocked"] });
    if (!Array.isArray(left["tasks"]) || left["tasks"].length > 0)
      problems.push(`round ${round + 1}: the restored queue cannot be worked off`);
    await after.close();
  }
  return { problems, held };
}
