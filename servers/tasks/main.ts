import { randomBytes } from "node:crypto";
import { systemClock } from "../../kernel/clock.ts";
import type { ServerSources } from "../../kernel/config.ts";
import { idSource } from "../../kernel/ids.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";
import { receiptCheck } from "./adapters/receipts.ts";
import { readTasksConfig } from "./config.ts";
import type { TasksDeps } from "./deps.ts";
import { createTasksServer } from "./server.ts";
import { openTaskStore } from "./store/sqlite.ts";

/** Opens what the tools work with: the queue of a state folder, the machine's clock and its randomness. */
export function openTasksDeps(sources: ServerSources): TasksDeps {
  const config = readTasksConfig(sources);
  return {
    store: openTaskStore(config.database, systemClock),
    clock: systemClock,
    newId: idSource(systemClock),
    newToken: () => `clm_${randomBytes(15).toString("base64url")}`,
    random: Math.random,
    checkReceipt: receiptCheck(config.home),
    log: sources.log,
  };
}

/** Opens the tasks server of a state folder. */
export async function openTasks(sources: ServerSources): Promise<ToolServer> {
  return createTasksServer(openTasksDeps(sources));
}
