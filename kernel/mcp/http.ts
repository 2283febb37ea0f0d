import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { hostHeaderValidation, originValidation, toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { DomainError } from "../errors.ts";
import { mcpFactory } from "./factory.ts";
import { isLoopback } from "./loopback.ts";
import type { ToolServer } from "./server.ts";

/** A bearer token and the name its calls are recorded under. */
export interface Token {
  readonly name: string;
  readonly secret: string;
}

export interface HttpOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly tokens: readonly Token[];
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Serves Streamable HTTP at `/mcp`. Every request passes the Host guard and the Origin guard (against pages that
 * rebind a name to this machine) and needs a bearer token, on loopback too.
 *
 * @throws {DomainError} invalid without a token; unavailable when the port is taken.
 */
export async function serveOverHttp(server: ToolServer, options: HttpOptions): Promise<{ readonly url: string; close(): Promise<void> }> {
  if (options.tokens.length === 0) {
    throw new DomainError("denied", `serving on ${options.host} needs a bearer token`, {
      hint: "give one with --token-file FILE or SLIPWAY_TOKEN",
      retryable: false,
    });
  }
  const names = isLoopback(options.host) ? LOOPBACK : [...LOOPBACK, options.host.includes(":") ? `[${options.host}]` : options.host];
  const isHostAllowed = hostHeaderValidation(names);
  const isOriginAllowed = originValidation(names);
  const handler = createMcpHandler(mcpFactory(server, "http"), {
    onerror: (error) => server.log("warn", "http request", { error: error.message }),
  });
  const serve = toNodeHandler(handler);
  const http = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (!isHostAllowed(request, response) || !isOriginAllowed(request, response)) return;
    if (new URL(request.url ?? "/", "http://local").pathname !== "/mcp") {
      reply(response, 404, "there is only /mcp here");
      return;
    }
    const token = bearer(request.headers.authorization, options.tokens);
    if (token === undefined) {
      response.setHeader("WWW-Authenticate", "Bearer");
      reply(response, 401, "a bearer token is required");
      return;
    }
    void serve(
      {
        method: request.method ?? "GET",
        url: request.url ?? "/",
        headers: request.headers,
        auth: { token: token.secret, clientId: token.name, scopes: [] },
        [Symbol.asyncIterator]: () => request[Symbol.asyncIterator](),
      },
      response,
    );
  });
  await new Promise<void>((resolve, reject) => {
    http.once("error", (error) => {
      const taken = "code" in error && error.code === "EADDRINUSE";
      reject(
        taken
          ? new DomainError("unavailable", `port ${options.port} on ${options.host} is taken`, {
              hint: "choose another with --port N, or --port 0 for any free one",
              retryable: false,
              cause: error,
            })
          : error,
      );
    });
    http.listen(options.port, options.host, resolve);
  });
  const address = http.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return {
    url: `http://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}/mcp`,
    async close() {
      await handler.close();
      http.closeAllConnections();
      await new Promise<void>((resolve) => {
        http.close(() => resolve());
      });
    },
  };
}

function bearer(header: string | undefined, tokens: readonly Token[]): Token | undefined {
  const given = /^Bearer (.+)$/i.exec(header ?? "")?.[1];
  if (given === undefined) return undefined;
  // Digests have one length, so the comparison takes the same time for every guess.
  const digest = createHash("sha256").update(given).digest();
  return tokens.find((token) => timingSafeEqual(createHash("sha256").update(token.secret).digest(), digest));
}

function reply(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32_000, message } }));
}
