import { randomUUID } from "node:crypto";
import { Client } from "@modelcontextprotocol/client";
import { serveInProcess } from "slipway/mcp";
import { createTasksServer, openTaskStore } from "slipway/tasks";

const clock = () => Date.now();
const server = createTasksServer({
  store: openTaskStore("state/tasks.db", clock),
  clock,
  newId: (prefix) => `${prefix}_${randomUUID()}`,
  newToken: () => randomUUID(),
  random: Math.random,
  checkReceipt: () => null, // without a sandbox no receipt is genuine
  log: () => undefined,
});

const served = serveInProcess(server);
const client = new Client({ name: "my-program", version: "1.0.0" });
await client.connect(served.transport);

await client.callTool({ name: "add_tasks", arguments: { tasks: [{ ref: "a", title: "Write the parser" }] } });
const { structuredContent } = await client.callTool({ name: "claim_task", arguments: { agent: "me" } });
console.log(JSON.stringify(structuredContent));

await client.close();
await served.close();
await server.close();
