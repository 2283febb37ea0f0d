import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { startProgram, underThisNode } from "../stdio-server.ts";
import { ask, type Subject } from "./subject.ts";

const STORE = ".claude-flow/tasks/store.json";
const Listed = z.object({ tasks: z.array(z.object({ taskId: z.string() })).min(1) });
const Stored = z.object({ tasks: z.record(z.string(), z.unknown()) });

/** claude-flow, also called ruflo, in the folder where npm put it. */
export function claudeFlow(installed: string, version: string): Subject {
  return {
    name: `claude-flow ${version}`,
    claiming: "task_list (1 pending), task_update",
    async fill(folder, count) {
      const at = "2026-11-28T00:00:00.000Z";
      const tasks = Array.from({ length: count }, (_, i) => ({
        taskId: `task-${i}`,
        type: "feature",
        description: `task ${i}`,
        priority: "normal",
        status: "pending",
        progress: 0,
        assignedTo: [],
        tags: [],
        createdAt: at,
        startedAt: null,
        completedAt: null,
      }));
      mkdirSync(join(folder, ".claude-flow/tasks"), { recursive: true });
      const byId = Object.fromEntries(tasks.map((task) => [task.taskId, task]));
      writeFileSync(join(folder, STORE), JSON.stringify({ tasks: byId, version: "3.0.0" }, null, 2));
    },
    start: (folder) =>
      startProgram({
        command: process.execPath,
        args: [join(installed, "node_modules/claude-flow/bin/cli.js"), "mcp", "start"],
        cwd: folder,
        env: underThisNode({ HOME: folder }),
      }),
    async add(client, _folder, title) {
      await ask(client, "task_create", { type: "feature", description: title });
    },
    async claim(client, _folder, agent) {
      const listed = await ask(client, "task_list", { status: "pending", limit: 1 });
      const id = Listed.parse(JSON.parse(listed.text)).tasks[0]?.taskId ?? "";
      await ask(client, "task_update", { taskId: id, status: "in_progress", assignTo: [agent] });
      return { task: id, claim: id };
    },
    async complete(client, _folder, id) {
      await ask(client, "task_complete", { taskId: id });
    },
    async stored(folder) {
      return Object.keys(Stored.parse(JSON.parse(readFileSync(join(folder, STORE), "utf8"))).tasks).length;
    },
  };
}
