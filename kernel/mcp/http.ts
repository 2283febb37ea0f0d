import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { networkInterfaces } from "node:os";
import { hostHeaderValidation, originValidation, toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { DomainError } from "../errors.ts";
import { mcpFactory } from "./factory.ts";
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
 * @throws {DomainError} denied without a token; unavailable when the address cannot be bound.
 */
export async function serveOverHttp(
  server: ToolServer,
  options: HttpOptions,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  if (options.tokens.length === 0) {
    throw new DomainError("denied", `serving on ${options.host} needs a bearer token`, {
      hint: "give one with --token-file FILE or SLIPWAY_TOKEN",
      retryable: false,
    });
  }
  const names = [...LOOPBACK, ...addressesOf(options.host).map(bracketed)];
  const isHostAllowed = hostHeaderValidation(names);
  const isOriginAllowed = originValidation(names);
  const handler = createMcpHandler(mcpFactory(server, "http"), {
    onerror: (error) => server.log("warn", "http request", { error: error.message }),
  });
  const serve = toNodeHandler(handler, {
    onerror: (error) => server.log("warn", "http request", { error: error.message }),
  });
  const http = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (!isHostAllowed(request, response) || !isOriginAllowed(request, response)) return;
    // Not parsed as a URL: what a stranger sends as a path may not be one.
    if ((request.url ?? "/").split("?")[0] !== "/mcp") {
      reply(response, 404, "there is only /mcp here");
      return;
    }
    const token = bearer(request.headers.authorization, options.tokens);
    if (token === undefined) {
      response.setHeader("WWW-Authenticate", "Bearer");
      reply(response, 401, "a bearer token is required");
      return;
    }
    serve(
      {
        method: request.method ?? "GET",
        url: request.url ?? "/",
        headers: request.headers,
        auth: { token: token.secret, clientId: token.name, scopes: [] },
        [Symbol.asyncIterator]: () => request[Symbol.asyncIterator](),
      },
      response,
    ).catch((error: unknown) => {
      server.log("error", "an http request failed", {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    http.once("error", (error) => reject(listenError(error, options)));
    http.listen(options.port, options.host, resolve);
  });
  const address = http.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return {
    url: `http://${bracketed(options.host)}:${port}/mcp`,
    async close() {
      const closed = new Promise<void>((resolve) => {
        http.close(() => resolve());
      });
      await handler.close();
      http.closeAllConnections();
      await closed;
    },
  };
}

/** The addresses a client may name in its Host header: where "every address" is bound, all that this machine has. */
function addressesOf(host: string): readonly string[] {
  if (host !== "0.0.0.0" && host !== "::") return [host];
  return Object.values(networkInterfaces()).flatMap((known) => (known ?? []).map(({ address }) => address));
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** What keeps a server from listening, in words that say what to change; anything else is a defect. */
function listenError(error: Error, { host, port }: HttpOptions): Error {
  const code = "code" in error ? error.code : undefined;
  const refuse = (message: string, hint: string): DomainError =>
    new DomainError("unavailable", message, { hint, retryable: false, cause: error });
  if (code === "EADDRINUSE") {
    return refuse(
      `port ${port} on ${host} is taken`,
      "choose another with --port N, or --port 0 for any free one",
    );
  }
  if (code === "EACCES")
    return refuse(
      `port ${port} on ${host} needs more rights than this process has`,
      "choose one above 1023 with --port N",
    );
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return refuse(`${host} is not an address of this machine`, "name one with --host H");
  }
  return error;
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
