import { join } from "node:path";
import type { ServerSources } from "../../kernel/config.ts";

/** Where the tasks server keeps its things. */
export interface TasksConfig {
  readonly database: string;
  /** Signs the sandbox's receipts; shared by the servers of one state folder. */
  readonly receiptKey: string;
}

export function readTasksConfig({ home }: ServerSources): TasksConfig {
  return { database: join(home, "tasks.db"), receiptKey: join(home, "receipt.key") };
}
