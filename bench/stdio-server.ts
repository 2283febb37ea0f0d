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

const PATIENCE_MS = 300_000;

/** How a host starts a server. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Starts `slipway serve <name>` over stdio as a host does, under this Node, and waits for its first tools/list. */
export function startStdioServer(name: Served, home: string): Promise<StdioServer> {
  return startProgram(
    {
      command: SLIPWAY,
      args: ["serve", name, "--home", home],
      cwd: home,
      env: underThisNode(serverEnvironment(home)),
    },
    { versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
}

/** The same for any server; without `options` in the protocol version that every server of today speaks. */
export async function startProgram(
  { command, args, cwd, env }: Program,
  options: ConstructorParameters<typeof Client>[1] = {},
): Promise<StdioServer> {
  const transport = new StdioClientTransport({
    command,
    args: [...args],
    cwd,
    env: { ...env },
    stderr: "ignore",
  });
  const client = new Client({ name: "bench", version: "1.0.0" }, options);
  const started = performance.now();
  // Servers of others load for seconds on a quiet machine, and for minutes on a busy one.
  await client.connect(transport, { timeout: PATIENCE_MS });
  await client.listTools({}, { timeout: PATIENCE_MS });
  const startMs = performance.now() - started;
  return { client, pid: transport.pid ?? 0, startMs, close: () => client.close() };
}

/** An environment in which `node` is the one that runs this. */
export function underThisNode(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...env, PATH: `${dirname(process.execPath)}:${env["PATH"] ?? ""}` };
}
