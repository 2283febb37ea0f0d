import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Served } from "../test/support/all-servers.ts";
import { serverEnvironment } from "../test/support/served-process.ts";

const SLIPWAY = fileURLToPath(new URL("../bin/slipway", import.meta.url));

/** A server in a process of its own, and the client that started it. */
export interface StdioServer {
  readonly client: Client;
  readonly pid: number;
  /** From the start of the process to its first tools/list. */
  readonly startMs: number;
  close(): Promise<void>;
}

/** Starts `slipway serve <name>` over stdio as a host does, under this Node, and waits for its first tools/list. */
export async function startStdioServer(name: Served, home: string): Promise<StdioServer> {
  const environment = serverEnvironment(home);
  const transport = new StdioClientTransport({
    command: SLIPWAY,
    args: ["serve", name, "--home", home],
    cwd: home,
    env: { ...environment, PATH: `${dirname(process.execPath)}:${environment["PATH"] ?? ""}` },
    stderr: "ignore",
  });
  const client = new Client(
    { name: "bench", version: "1.0.0" },
    { versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
  const started = performance.now();
  await client.connect(transport);
  await client.listTools();
  const startMs = performance.now() - started;
  return { client, pid: transport.pid ?? 0, startMs, close: () => client.close() };
}
