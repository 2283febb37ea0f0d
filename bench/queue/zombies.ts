import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { idSource } from "../../kernel/ids.ts";
import { silentLog } from "../../kernel/log.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";
import { createTasksServer, openTaskStore } from "../../servers/tasks/index.ts";
import { codeOf, run } from "../../test/servers/tasks/call.ts";

/** What a zombie may try with its old token, by the number of the trial. */
const TRIES = [
  ["complete_task", { output: { by: "zombie" }, artifacts: ["zombie.txt"] }],
  ["report_progress", { progress: 0.9, note: "still here", checkpoint: { by: "zombie" } }],
  ["fail_task", { error: { message: "zombie" } }],
  ["release_task", { checkpoint: { by: "zombie" } }],
] as const;

/**
 * A holder goes silent, its lease runs out, another agent claims through another server of the same file; then the
 * first one comes back. Returns how often it was refused with nothing of the task changed; anything else throws.
 */
export async function zombieTrials(home: string, trials: number): Promise<number> {
  const path = join(home, "tasks.db");
  let now = Date.now();
  const open = (): ToolServer =>
    createTasksServer({
      store: openTaskStore(path, () => now),
      clock: () => now,
      newId: idSource(() => now),
      newToken: () => randomBytes(15).toString("base64url"),
      random: () => 0,
      checkReceipt: () => null,
      log: silentLog,
    });
  const slow = open();
  const quick = open();
  const store = openTaskStore(path, Date.now);
  let refused = 0;
  try {
    for (let trial = 0; trial < trials; trial += 1) {
      const { tasks } = await run<{ tasks: { id: string }[] }>(slow, "add_tasks", {
        tasks: [{ title: `trial ${trial}` }],
      });
      const id = tasks[0]?.id ?? "";
      const claim = (server: ToolServer, agent: string) =>
        run<{ task: { id: string }; claim: { token: string } }>(server, "claim_task", { agent, lease_s: 10 });
      const zombie = await claim(slow, "zombie");
      now += 10_001;
      const heir = await claim(quick, "heir");
      if (zombie.task.id !== id || heir.task.id !== id)
        throw new Error(`trial ${trial}: another task was given out`);
      const before = await store.read((tx) => tx.find(id));
      const [tool, args] = TRIES[trial % TRIES.length] ?? TRIES[0];
      const code = await codeOf(slow, tool, { token: zombie.claim.token, ...args });
      const after = await store.read((tx) => tx.find(id));
      if (code !== "conflict") throw new Error(`trial ${trial}: ${tool} of the zombie was answered ${code}`);
      if (JSON.stringify(after) !== JSON.stringify(before))
        throw new Error(`trial ${trial}: ${tool} of the zombie changed the task`);
      await run(quick, "complete_task", { token: heir.claim.token });
      refused += 1;
    }
  } finally {
    store.close();
    await slow.close();
    await quick.close();
  }
  return refused;
}
