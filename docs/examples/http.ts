// A server that runs on its own: slipway serve tasks --http, and a token from slipway token create <name>.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const url = new URL(process.env["SLIPWAY_URL"] ?? "http://127.0.0.1:8787/mcp");
const headers = { authorization: `Bearer ${process.env["SLIPWAY_TOKEN"] ?? ""}` };

const client = new Client({ name: "my-program", version: "1.0.0" });
await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));

await client.callTool({ name: "add_tasks", arguments: { tasks: [{ title: "Write the parser" }] } });
const { structuredContent } = await client.callTool({ name: "claim_task", arguments: { agent: "me" } });
console.log(JSON.stringify(structuredContent));

await client.close();
