// One server as a process of yours. SLIPWAY_TASKS names the command where it is not on PATH.
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const client = new Client({ name: "my-program", version: "1.0.0" });
await client.connect(
  new StdioClientTransport({
    command: process.env["SLIPWAY_TASKS"] ?? "slipway-tasks",
    args: ["--home", process.env["SLIPWAY_HOME"] ?? ".slipway"],
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" },
  }),
);

await client.callTool({ name: "add_tasks", arguments: { tasks: [{ title: "Write the parser" }] } });
const { structuredContent } = await client.callTool({ name: "claim_task", arguments: { agent: "me" } });
console.log(JSON.stringify(structuredContent));

// Closing the client ends the process.
await client.close();
