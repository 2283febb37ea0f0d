import { fileURLToPath } from "node:url";
import { Client, type Transport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { DomainError } from "../kernel/errors.ts";
import type { ServerSources } from "../kernel/config.ts";
import { serveInProcess } from "../kernel/mcp/in-process.ts";
import { VERSION } from "../kernel/version.ts";
import { toolCaller, type ToolCaller } from "./call.ts";
import { openServer } from "./gateway.ts";
import { SERVER_NAMES, type ServerName } from "./servers.ts";

/** The five servers, connected. */
export type Hosts = Readonly<Record<ServerName, ToolCaller>> & { close(): Promise<void> };

export interface HostOptions {
  /** Spawned as processes over stdio, or opened inside this one; the protocol is the same. */
  readonly mode: "spawn" | "in_process";
  readonly sources: ServerSources;
  /** Folders that the servers may work in. */
  readonly roots: readonly string[];
  readonly allowUnisolated: boolean;
}

interface Link {
  readonly client: Client;
  close(): Promise<void>;
}

/**
 * Connects all five servers at once.
 *
 * @throws {DomainError} unavailable, naming the server that did not start and what it said.
 */
export async function connectHosts(options: HostOptions): Promise<Hosts> {
  const links = await Promise.allSettled(SERVER_NAMES.map((name) => connectOne(name, options)));
  const open = links.flatMap((link) => (link.status === "fulfilled" ? [link.value] : []));
  const close = async (): Promise<void> => {
    await Promise.allSettled(open.map((link) => link.close()));
  };
  const broken = links.find((link) => link.status === "rejected");
  if (broken !== undefined) {
    await close();
    throw broken.reason;
  }
  const [memory, tasks, sandbox, git, decision] = open.map((link) => toolCaller(link.client));
  if (
    memory === undefined ||
    tasks === undefined ||
    sandbox === undefined ||
    git === undefined ||
    decision === undefined
  ) {
    throw new Error("every server has a connection");
  }
  return { memory, tasks, sandbox, git, decision, close };
}

async function connectOne(name: ServerName, options: HostOptions): Promise<Link> {
  return options.mode === "spawn" ? spawnServer(name, options) : openInside(name, options);
}

async function openInside(name: ServerName, { sources, roots, allowUnisolated }: HostOptions): Promise<Link> {
  const env = { ...sources.env, ...serverSettings(roots, allowUnisolated) };
  const server = await openServer(name, { ...sources, env });
  const { transport, close } = serveInProcess(server);
  const client = await connectClient(transport);
  return {
    client,
    async close() {
      await client.close();
      await close();
      await server.close();
    },
  };
}

/** What a server process gets of our environment. Model keys and tokens are not in it. */
const PASSED_ON = [
  "PATH",
  "HOME",
  "TMPDIR",
  "LANG",
  "LC_ALL",
  "DOCKER_HOST",
  "XDG_RUNTIME_DIR",
  "XDG_CACHE_HOME",
  "XDG_STATE_HOME",
  "NODE_COMPILE_CACHE",
  "CI",
  "SLIPWAY_SANDBOX_HOSTS",
];

async function spawnServer(
  name: ServerName,
  { sources, roots, allowUnisolated }: HostOptions,
): Promise<Link> {
  const env = Object.fromEntries(
    PASSED_ON.flatMap((key) => (sources.env[key] === undefined ? [] : [[key, sources.env[key]]])),
  );
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [...process.execArgv, ownEntry(), "serve", name, "--home", sources.home],
    cwd: sources.cwd,
    env: { ...env, ...serverSettings(roots, allowUnisolated) },
    stderr: "pipe",
  });
  const said: string[] = [];
  transport.stderr?.on("data", (chunk: Buffer) => {
    for (const line of chunk.toString("utf8").split("\n")) {
      if (line.trim() === "") continue;
      said.push(line);
      if (said.length > 20) said.shift();
      sources.log("warn", `${name} says`, { line });
    }
  });
  try {
    const client = await connectClient(transport);
    return { client, close: () => client.close() };
  } catch (error) {
    await transport.close();
    const reason = said.findLast((line) => line.startsWith("slipway: "))?.slice("slipway: ".length);
    throw new DomainError(
      "unavailable",
      `the ${name} server did not start${reason === undefined ? "" : `: ${reason}`}`,
      {
        ...(reason === undefined ? { hint: `run \`slipway serve ${name}\` to see why` } : {}),
        retryable: false,
        cause: error,
      },
    );
  }
}

function serverSettings(roots: readonly string[], allowUnisolated: boolean): Record<string, string> {
  return { SLIPWAY_ROOTS: roots.join(":"), ...(allowUnisolated ? { SLIPWAY_ALLOW_UNISOLATED: "1" } : {}) };
}

/** The command line's own file, as source or as built. */
export function ownEntry(): string {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`../bin/main.${extension}`, import.meta.url));
}

async function connectClient(transport: Transport): Promise<Client> {
  // Our own servers speak the current revision; pinning it saves the probe that starts a server twice.
  const client = new Client(
    { name: "slipway-orchestrator", version: VERSION },
    { versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
  await client.connect(transport);
  return client;
}
