import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { startProgram, underThisNode } from "../stdio-server.ts";
import { ask, type Subject } from "./subject.ts";

const STORE = ".taskmaster/tasks/tasks.json";
const Stored = z.object({ master: z.object({ tasks: z.array(z.unknown()) }) });
const Next = z.object({ data: z.object({ nextTask: z.object({ id: z.union([z.string(), z.number()]) }) }) });

/** task-master-ai in the folder where npm put it, with the tools that need no model. */
export function taskMaster(installed: string, version: string): Subject {
  return {
    name: `task-master-ai ${version}`,
    claiming: "next_task, set_task_status",
    async fill(folder, count) {
      const tasks = Array.from({ length: count }, (_, i) => ({
        id: i + 1,
        title: `task ${i}`,
        description: `task ${i}`,
        status: "pending",
        dependencies: [],
        priority: "medium",
        details: "",
        testStrategy: "",
        subtasks: [],
      }));
      mkdirSync(join(folder, ".taskmaster/tasks"), { recursive: true });
      const metadata = {
        created: "2026-11-28T00:00:00.000Z",
        updated: "2026-11-28T00:00:00.000Z",
        description: "",
      };
      writeFileSync(join(folder, STORE), JSON.stringify({ master: { tasks, metadata } }, null, 2));
    },
    start: (folder) =>
      startProgram({
        command: process.execPath,
        args: [join(installed, "node_modules/task-master-ai/dist/mcp-server.js")],
        cwd: folder,
        env: underThisNode({ HOME: folder, TASK_MASTER_TOOLS: "standard" }),
      }),
    async add(client, folder, title) {
      await ask(client, "add_task", { projectRoot: folder, title, description: title });
    },
    async claim(client, folder) {
      const next = await ask(client, "next_task", { projectRoot: folder });
      const id = `${Next.parse(JSON.parse(next.text)).data.nextTask.id}`;
      await ask(client, "set_task_status", { projectRoot: folder, id, status: "in-progress" });
      return { task: id, claim: id };
    },
    async complete(client, folder, id) {
      await ask(client, "set_task_status", { projectRoot: folder, id, status: "done" });
    },
    async stored(folder) {
      return Stored.parse(JSON.parse(readFileSync(join(folder, STORE), "utf8"))).master.tasks.length;
    },
  };
}
