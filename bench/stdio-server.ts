import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import type { Served } from "../test/support/all-servers.ts";
import { serveArguments, serverEnvironment } from "../test/support/served-process.ts";

/** A server in a process of its own, and the client that started it. */
export interface StdioServer {
  readonly client: Client;
  readonly pid: number;
  /** From the start of the process to its first tools/list. */
  readonly startMs: number;
  close(): Promise<void>;
}

/** Starts `slipway serve <name>` over stdio and waits for its first tools/list. */
export async function startStdioServer(name: Served, home: string): Promise<StdioServer> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: serveArguments(name, home),
    cwd: home,
    env: serverEnvironment(home),
    stderr: "ignore",
  });
  const client = new Client({ name: "bench", version: "1.0.0" }, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  const started = performance.now();
  await client.connect(transport);
  await client.listTools();
  const startMs = performance.now() - started;
  return { client, pid: transport.pid ?? 0, startMs, close: () => client.close() };
}
