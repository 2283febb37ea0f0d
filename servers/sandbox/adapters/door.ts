import { createServer, request as forward, type IncomingMessage } from "node:http";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isLetThrough } from "../domain/package-hosts.ts";

/** A way out of a sandbox without network: a proxy of the host, reached by a socket file, that knows few hosts. */
export interface Door {
  /** The folder to show inside as `DOOR`; it holds the socket `proxy`. */
  readonly folder: string;
  close(): Promise<void>;
}

/** Where the folder of a door is shown inside. */
export const DOOR = "/door";

/** Where commands find the proxy. */
const PORT = 3_128;

/** What commands are told, in the words of every package manager. */
export const DOOR_ENV: Readonly<Record<string, string>> = Object.fromEntries(
  [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "npm_config_proxy",
    "npm_config_https_proxy",
  ].map((name) => [name, `http://127.0.0.1:${PORT}`]),
);

// Runs inside: listens on loopback, hands every connection to the socket, and ends as the program it starts does.
const FORWARDER = `const net = require("node:net");
const server = net.createServer((inner) => {
  const outer = net.connect("${DOOR}/proxy");
  for (const [one, other] of [[inner, outer], [outer, inner]]) one.on("error", () => other.destroy()).pipe(other);
});
server.listen(${PORT}, "127.0.0.1", () => {
  const [program, ...args] = process.argv.slice(1);
  const child = require("node:child_process").spawn(program, args, { stdio: "inherit" });
  child.on("error", () => process.exit(127));
  child.on("exit", (code, signal) => signal ? process.kill(process.pid, signal) : process.exit(code));
});`;

/** The command line that runs another one behind a door. */
export function behindDoor(node: string, argv: readonly string[]): readonly string[] {
  return [node, "-e", FORWARDER, ...argv];
}

/**
 * Opens a door to a few hosts. Names are resolved and connections made out here; a request for any other host is refused
 * with 403. What passes through is not looked at: TLS is between the program and the host.
 */
export async function openDoor(hosts: readonly string[]): Promise<Door> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-door-"));
  // Whoever is inside has another user id; the folder has a name that cannot be guessed and holds nothing else.
  await chmod(folder, 0o711);
  const open = new Set<Socket>();
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => socket.destroy());
  };
  const server = createServer((request, response) => {
    const url = targetOf(request);
    if (url === null || !isLetThrough(hosts, url.hostname, Number(url.port || 80))) {
      response.writeHead(403).end("this sandbox may not reach that host\n");
      return;
    }
    const { host: _host, "proxy-connection": _connection, ...headers } = request.headers;
    const outgoing = forward(url, { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on("error", () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
    request.pipe(outgoing);
  });
  server.on("connection", keep);
  server.on("connect", (request: IncomingMessage, inner: Socket, head: Buffer) => {
    const [, host = "", port = ""] = /^([A-Za-z0-9.-]+):(\d+)$/u.exec(request.url ?? "") ?? [];
    if (!isLetThrough(hosts, host, Number(port))) {
      inner.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    const outer = connect(Number(port), host, () => {
      inner.write("HTTP/1.1 200 Connection established\r\n\r\n");
      outer.write(head);
      outer.pipe(inner);
      inner.pipe(outer);
    });
    keep(outer);
    outer.on("error", () => inner.destroy());
    inner.on("error", () => outer.destroy()).on("close", () => outer.destroy());
  });
  const socket = join(folder, "proxy");
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(socket, () => resolve());
    });
    await chmod(socket, 0o666);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    folder,
    async close() {
      for (const one of open) one.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function targetOf({ url }: IncomingMessage): URL | null {
  return url?.startsWith("http://") === true && URL.canParse(url) ? new URL(url) : null;
}
