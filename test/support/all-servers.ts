import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../kernel/log.ts";
import type { ToolServer } from "../../kernel/mcp/server.ts";
import { openGateway, openServer, selectTools } from "../../orchestrator/gateway.ts";
import { SERVER_NAMES, type ServerName } from "../../orchestrator/servers.ts";

/** What can be served: one of the five, or the gateway with its core tools. */
export const SERVED = [...SERVER_NAMES, "all"] as const;
export type Served = ServerName | "all";

/** A new folder under the system's temporary one, and how to remove it. */
export function temporaryFolder(name: string): { readonly path: string; dispose(): void } {
  const path = mkdtempSync(join(tmpdir(), `slipway-${name}-`));
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) };
}

/** Opens what `slipway serve <name>` serves, in this process, on a state folder. */
export async function openServed(name: Served, home: string): Promise<ToolServer> {
  const sources = {
    home,
    env: { PATH: process.env["PATH"], SLIPWAY_ROOTS: home },
    cwd: home,
    log: silentLog,
  };
  return name === "all" ? selectTools(await openGateway(sources), "core") : openServer(name, sources);
}
