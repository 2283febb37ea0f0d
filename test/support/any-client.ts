import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as OldStdioTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as OldHttpTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport as OldTransport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { Client, StreamableHTTPClientTransport, type Transport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { serveInProcess } from "../../kernel/mcp/in-process.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";

/** The clients hosts are built with: today's SDK in both eras, and the previous SDK line. */
export const CLIENTS = ["2026-07-28", "2025-11-25", "previous SDK"] as const;
export type ClientKind = (typeof CLIENTS)[number];

/** Where the server is. */
export type Place =
  | {
      readonly over: "stdio";
      readonly args: readonly string[];
      readonly cwd: string;
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly over: "http"; readonly url: string; readonly token: string }
  | { readonly over: "in_process"; readonly server: ToolServer };

export interface Answered {
  readonly isError: boolean;
  readonly text: string;
  readonly structured: unknown;
}

/** What the clients have in common. */
export interface AnyClient {
  /** The revision agreed on; undefined where this client does not tell. */
  readonly revision: string | undefined;
  listTools(): Promise<readonly { readonly name: string }[]>;
  /** @throws what the client throws for a protocol error. */
  callTool(name: string, args: Record<string, unknown>): Promise<Answered>;
  close(): Promise<void>;
}

/** Connects a client of one kind to a server at one place. */
export async function connectAny(kind: ClientKind, place: Place): Promise<AnyClient> {
  return kind === "previous SDK" ? connectPrevious(place) : connectCurrent(kind, place);
}

async function connectCurrent(kind: "2026-07-28" | "2025-11-25", place: Place): Promise<AnyClient> {
  const { transport, close } = currentTransport(place);
  const client = new Client(
    { name: "matrix", version: "1.0.0" },
    kind === "2026-07-28" ? { versionNegotiation: { mode: { pin: "2026-07-28" } } } : {},
  );
  await client.connect(transport);
  return {
    revision: client.getNegotiatedProtocolVersion(),
    listTools: async () => (await client.listTools()).tools,
    async callTool(name, args) {
      const { isError, content, structuredContent } = await client.callTool({ name, arguments: args });
      return { isError: isError === true, text: textOf(content[0]), structured: structuredContent };
    },
    async close() {
      await client.close();
      await close();
    },
  };
}

function currentTransport(place: Place): { readonly transport: Transport; close(): Promise<void> } {
  switch (place.over) {
    case "stdio":
      return { transport: new StdioClientTransport(program(place)), close: async () => undefined };
    case "http":
      return {
        transport: new StreamableHTTPClientTransport(new URL(place.url), {
          requestInit: authorized(place.token),
        }),
        close: async () => undefined,
      };
    case "in_process":
      return serveInProcess(place.server);
  }
}

async function connectPrevious(place: Place): Promise<AnyClient> {
  const { transport, close } = previousTransport(place);
  const client = new OldClient({ name: "matrix", version: "1.0.0" });
  await client.connect(transport);
  return {
    revision: undefined,
    listTools: async () => (await client.listTools()).tools,
    async callTool(name, args) {
      const result = CallToolResultSchema.parse(await client.callTool({ name, arguments: args }));
      return {
        isError: result.isError === true,
        text: textOf(result.content[0]),
        structured: result.structuredContent,
      };
    },
    async close() {
      await client.close();
      await close();
    },
  };
}

function previousTransport(place: Place): { readonly transport: OldTransport; close(): Promise<void> } {
  switch (place.over) {
    case "stdio":
      return { transport: new OldStdioTransport(program(place)), close: async () => undefined };
    case "http": {
      const transport = new OldHttpTransport(new URL(place.url), { requestInit: authorized(place.token) });
      // The class declares members as possibly undefined that its own interface declares as optional.
      return { transport: transport as OldTransport, close: async () => undefined };
    }
    case "in_process": {
      const { transport, close } = serveInProcess(place.server);
      // The two SDK lines declare the same transport with different optional members.
      return { transport: transport as OldTransport, close };
    }
  }
}

function program({ args, cwd, env }: Extract<Place, { readonly over: "stdio" }>) {
  return { command: process.execPath, args: [...args], cwd, env: { ...env }, stderr: "ignore" as const };
}

function authorized(token: string): { readonly headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${token}` } };
}

function textOf(block: { readonly type: string } | undefined): string {
  return block !== undefined && "text" in block && typeof block.text === "string" ? block.text : "";
}
