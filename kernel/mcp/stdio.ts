import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { mcpFactory } from "./factory.ts";
import type { ToolServer } from "./server.ts";

/** Serves over this process's stdin and stdout; stdout carries MCP and nothing else. */
export function serveOverStdio(server: ToolServer): { close(): Promise<void> } {
  return serveStdio(mcpFactory(server, "stdio"), {
    onerror: (error) => server.log("warn", "stdio connection", { error: error.message }),
  });
}
