import { beginning, readByTool, type Complete, type Resource } from "../../kernel/mcp/resource.ts";
import type { TasksDeps } from "./deps.ts";
import { isFinished, TASK_STATUSES, type TaskStatus } from "./domain/task.ts";
import { getTask } from "./tools/get-task.ts";
import { listTasks } from "./tools/list-tasks.ts";

const OPEN = TASK_STATUSES.filter((status) => !isFinished(status));

/** Suggests ids of tasks in one of some states, the oldest first. */
function taskIds(status: readonly TaskStatus[]): Complete<TasksDeps> {
  const any = { type: undefined, milestone: undefined, agent: undefined, text: undefined, after: undefined };
  return async (start, { store }) => {
    const found = await store.read((tx) => tx.list({ ...any, status, limit: 500 }));
    return beginning(
      found.map(({ id }) => id),
      start,
    );
  };
}

export const openTaskIds = taskIds(OPEN);
export const failedTaskIds = taskIds(["dead", "needs_decision", "scheduled", "ready"]);

/** What a host can attach of the queue. */
export const taskResources: readonly Resource<TasksDeps>[] = [
  {
    name: "tasks",
    title: "Open tasks",
    description: "The queue's open tasks in short.",
    uri: "slipway://tasks",
    mimeType: "application/json",
    read: (_none, deps, call) => readByTool(listTasks, { status: [...OPEN] }, deps, call),
  },
  {
    name: "task",
    title: "A task",
    description: "One task in full, with what it waits for.",
    uri: "slipway://tasks/{id}",
    mimeType: "application/json",
    read: ({ id = "" }, deps, call) => readByTool(getTask, { id, include: ["dependencies"] }, deps, call),
    complete: { id: openTaskIds },
  },
];
