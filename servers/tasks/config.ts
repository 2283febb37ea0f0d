import { join } from "node:path";
import type { ServerSources } from "../../kernel/config.ts";

/** Where the tasks server keeps its things. */
export interface TasksConfig {
  readonly database: string;
  /** The state folder, whose receipt key the sandbox signs with. */
  readonly home: string;
}

export function readTasksConfig({ home }: ServerSources): TasksConfig {
  return { database: join(home, "tasks.db"), home };
}
