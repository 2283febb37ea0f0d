import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js";
import type { Transport as OldTransport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { Client, type ElicitResult } from "@modelcontextprotocol/client";
import { serveInProcess } from "../../kernel/mcp/in-process.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";

/** One connected client and how to let go of it. */
export interface Connection {
  readonly client: Client;
  close(): Promise<void>;
}

export type Era = "2026-07-28" | "2025-11-25";

/** Connects a current SDK client to an opened server, over the same code path as stdio; `person` answers its questions. */
export async function connect(
  server: ToolServer,
  era: Era = "2026-07-28",
  person?: (message: string) => ElicitResult,
): Promise<Connection> {
  const { transport, close } = serveInProcess(server);
  const client = new Client(
    { name: "test", version: "1.0.0" },
    {
      ...(era === "2026-07-28" ? { versionNegotiation: { mode: { pin: "2026-07-28" } } } : {}),
      ...(person === undefined ? {} : { capabilities: { elicitation: { form: {} } } }),
    },
  );
  if (person !== undefined)
    client.setRequestHandler("elicitation/create", ({ params }) => person(params.message));
  await client.connect(transport);
  return {
    client,
    async close() {
      await client.close();
      await close();
    },
  };
}

/** Connects a client of the previous SDK line (v1), as older hosts do. */
export async function connectOld(
  server: ToolServer,
): Promise<{ readonly client: OldClient; close(): Promise<void> }> {
  const { transport, close } = serveInProcess(server);
  const client = new OldClient({ name: "old-test", version: "1.0.0" });
  // The two SDK lines declare the same transport with different optional members.
  await client.connect(transport as OldTransport);
  return {
    client,
    async close() {
      await client.close();
      await close();
    },
  };
}

/** What a tool answered: the structured content, or the refusal. */
export type Answer =
  | { readonly ok: true; readonly value: Record<string, unknown> }
  | { readonly ok: false; readonly error: Record<string, unknown> };

/** Calls a tool and checks on the way that the text block repeats the structured content. */
export async function callTool(client: Client, name: string, args: Record<string, unknown>): Promise<Answer> {
  const result = await client.callTool({ name, arguments: args });
  const block = result.content[0];
  const text = block?.type === "text" ? block.text : "";
  if (result.isError === true) {
    return { ok: false, error: parseObject(text) };
  }
  const structured: unknown = result.structuredContent;
  if (JSON.stringify(JSON.parse(text)) !== JSON.stringify(structured))
    throw new Error(`${name}: the text block differs from the structured content`);
  return { ok: true, value: parseObject(text) };
}

/** Calls a tool that must succeed. */
export async function mustCall(
  client: Client,
  name: string,
  args: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const answer = await callTool(client, name, args);
  if (!answer.ok) throw new Error(`${name}: ${JSON.stringify(answer.error)}`);
  return answer.value;
}

function parseObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (value === null || typeof value !== "object") throw new Error(`not an object: ${text}`);
  return { ...value };
}
