import { join } from "node:path";
import { z } from "zod";
import { VERSION } from "../../kernel/version.ts";
import { openTaskStore } from "../../servers/tasks/index.ts";
import { openServed } from "../../test/support/all-servers.ts";
import { run } from "../../test/servers/tasks/call.ts";
import { startStdioServer } from "../stdio-server.ts";
import { ask, type Subject } from "./subject.ts";

const Claimed = z.object({ task: z.object({ id: z.string() }), claim: z.object({ token: z.string() }) });
/** As many tasks as one call takes. */
const PAGE = 500;

export const slipway: Subject = {
  name: `slipway ${VERSION}`,
  claiming: "claim_task",
  async fill(folder, count) {
    const server = await openServed("tasks", folder);
    for (let from = 0; from < count; from += PAGE) {
      const tasks = Array.from({ length: Math.min(PAGE, count - from) }, (_, i) => ({
        title: `task ${from + i}`,
      }));
      await run(server, "add_tasks", { tasks });
    }
    await server.close();
  },
  start: (folder) => startStdioServer("tasks", folder),
  async add(client, _folder, title) {
    await ask(client, "add_tasks", { tasks: [{ title }] });
  },
  async claim(client, _folder, agent) {
    const { task, claim } = Claimed.parse((await ask(client, "claim_task", { agent })).structured);
    return { task: task.id, claim: claim.token };
  },
  async complete(client, _folder, token) {
    await ask(client, "complete_task", { token });
  },
  async stored(folder) {
    const store = openTaskStore(join(folder, "tasks.db"), Date.now);
    const counts = await store.read((tx) => tx.counts());
    store.close();
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  },
};
