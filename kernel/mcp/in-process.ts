import { InMemoryTransport, type Transport } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { mcpFactory } from "./factory.ts";
import type { ToolServer } from "./server.ts";

/** Serves a server inside this process, in both protocol eras, and returns the client's end. */
export function serveInProcess(server: ToolServer): {
  readonly transport: Transport;
  close(): Promise<void>;
} {
  const [client, ours] = InMemoryTransport.createLinkedPair();
  const handle = serveStdio(mcpFactory(server, "in_process"), {
    transport: ours,
    onerror: (error) => server.log("warn", "in-process connection", { error: error.message }),
  });
  return { transport: client, close: () => handle.close() };
}
