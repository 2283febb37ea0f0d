import { DomainError } from "../kernel/errors.ts";
import type { ServerSources } from "../kernel/config.ts";
import type { BoundTool, ToolServer } from "../kernel/mcp/server.ts";
import { SERVER_NAMES, type ServerName } from "./servers.ts";

/** Opens one server inside this process. Its code is loaded only now. */
export async function openServer(name: ServerName, sources: ServerSources): Promise<ToolServer> {
  switch (name) {
    case "tasks":
      return (await import("../servers/tasks/main.ts")).openTasks(sources);
    case "memory":
      return (await import("../servers/memory/main.ts")).openMemory(sources);
    case "sandbox":
      return (await import("../servers/sandbox/main.ts")).openSandbox(sources);
    case "git":
      return (await import("../servers/git/main.ts")).openGit(sources);
    case "decision":
      return (await import("../servers/decision/main.ts")).openDecision(sources);
  }
}

/** All five servers as one: one process, one connection, one list of tools. */
export async function openGateway(sources: ServerSources): Promise<ToolServer> {
  const servers: ToolServer[] = [];
  try {
    for (const name of SERVER_NAMES) servers.push(await openServer(name, sources));
  } catch (error) {
    await closeAll(servers);
    throw error;
  }
  return {
    name: "all",
    instructions: servers.map((server) => server.instructions).join("\n"),
    tools: servers.flatMap((server) => server.tools),
    prompts: servers.flatMap((server) => server.prompts ?? []),
    resources: servers.flatMap((server) => server.resources ?? []),
    log: sources.log,
    close: () => closeAll(servers),
  };
}

async function closeAll(servers: readonly ToolServer[]): Promise<void> {
  for (const server of servers) await server.close();
}

/**
 * Narrows a server to some of its tools: "all", "core", or names separated by commas.
 *
 * @throws {DomainError} invalid for a name that the server does not have.
 */
export function selectTools(server: ToolServer, selection: string): ToolServer {
  if (selection === "all") return server;
  if (selection === "core") return { ...server, tools: server.tools.filter((tool) => tool.core) };
  const wanted = selection.split(",").map((name) => name.trim());
  const known = new Map(server.tools.map((tool): [string, BoundTool] => [tool.name, tool]));
  const missing = wanted.find((name) => !known.has(name));
  if (missing !== undefined) {
    throw new DomainError("invalid", `there is no tool "${missing}" in ${server.name}`, {
      hint: `--tools takes core, all, or some of: ${[...known.keys()].join(", ")}`,
    });
  }
  return { ...server, tools: server.tools.filter((tool) => wanted.includes(tool.name)) };
}
