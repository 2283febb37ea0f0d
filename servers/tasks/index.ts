export type { TasksDeps } from "./deps.ts";
export { createTasksServer, type TasksTools } from "./server.ts";
export { openTaskStore } from "./store/sqlite.ts";
export type { TaskStore } from "./store/task-store.ts";
export type { Task, TaskStatus } from "./domain/task.ts";
