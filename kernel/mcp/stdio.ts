import { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { mcpFactory } from "./factory.ts";
import type { ToolServer } from "./server.ts";

/** The longest message that is read; more than any tool takes, so that its schema refuses what is too large, and says so. */
const MOST_BYTES = 64 * 1_048_576;

/**
 * Serves over this process's stdin and stdout; stdout carries MCP and nothing else. `onLost` is called where the
 * connection breaks while the host still holds it, on a longer message or a broken stdout: nothing is heard from then on.
 */
export function serveOverStdio(
  server: ToolServer,
  onLost: () => void = () => undefined,
): { close(): Promise<void> } {
  const transport = new StdioServerTransport(undefined, undefined, { maxBufferSize: MOST_BYTES });
  let isClosing = false;
  const handle = serveStdio(mcpFactory(server, "stdio"), {
    transport,
    onerror: (error) => server.log("warn", "stdio connection", { error: error.message }),
  });
  const closed = transport.onclose;
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- an SDK transport has this one place, and serveStdio took it
  transport.onclose = () => {
    closed?.();
    if (isClosing || process.stdin.readableEnded || process.stdin.destroyed) return;
    server.log("error", "the connection broke while the host held it: the server ends");
    onLost();
  };
  return {
    close() {
      isClosing = true;
      return handle.close();
    },
  };
}
