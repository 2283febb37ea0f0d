import { randomBytes } from "node:crypto";
import { systemClock } from "../../kernel/clock.ts";
import type { ServerSources } from "../../kernel/config.ts";
import { idSource } from "../../kernel/ids.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";
import { receiptCheck } from "./adapters/receipts.ts";
import { readTasksConfig } from "./config.ts";
import { createTasksServer } from "./server.ts";
import { openTaskStore } from "./store/sqlite.ts";

/** Opens the tasks server of a state folder. */
export async function openTasks(sources: ServerSources): Promise<ToolServer> {
  const config = readTasksConfig(sources);
  return createTasksServer({
    store: openTaskStore(config.database, systemClock),
    clock: systemClock,
    newId: idSource(systemClock),
    newToken: () => `clm_${randomBytes(15).toString("base64url")}`,
    random: Math.random,
    checkReceipt: receiptCheck(config.home),
    log: sources.log,
  });
}
