import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { networkInterfaces } from "node:os";
import { hostHeaderValidation, originValidation, toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { systemClock, type Clock } from "../clock.ts";
import { DomainError } from "../errors.ts";
import type { Audit } from "./audit.ts";
import { mcpFactory } from "./factory.ts";
import { rateLimit } from "./rate.ts";
import type { ToolServer } from "./server.ts";
import { verifyBearer, type Token, type Verified } from "./tokens.ts";

export interface HttpOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** A function is asked at every request, so that tokens can come and go. */
  readonly tokens: readonly Token[] | (() => readonly Token[]);
  /** Told of privileged calls, see `mcpFactory`. */
  readonly audit?: Audit;
  /** What a token may ask in a second, and twice as much at once; the rest gets 429. Default 500. */
  readonly requestsPerSecond?: number;
  /** PEM of a certificate chain and its key: then `https` is served. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly clock?: Clock;
}

const REQUESTS_PER_SECOND = 500;
/** Requests in a second without a token that is let in, per address. */
const GUESSES_PER_SECOND = 10;
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
  const { clock = systemClock, requestsPerSecond = REQUESTS_PER_SECOND } = options;
  const given = options.tokens;
  const tokens = typeof given === "function" ? given : () => given;
  if (tokens().length === 0) {
    throw new DomainError("denied", `serving on ${options.host} needs a bearer token`, {
      hint: "give one with --token-file FILE or SLIPWAY_TOKEN, or make one: slipway token create <name>",
      retryable: false,
    });
  }
  const names = [...LOOPBACK, ...addressesOf(options.host).map(bracketed)];
  const isHostAllowed = hostHeaderValidation(names);
  const isOriginAllowed = originValidation(names);
  const handler = createMcpHandler(mcpFactory(server, "http", options.audit), {
    onerror: (error) => server.log("warn", "http request", { error: error.message }),
  });
  const serve = toNodeHandler(handler, {
    onerror: (error) => server.log("warn", "http request", { error: error.message }),
  });
  const requests = rateLimit(requestsPerSecond, clock);
  const guesses = rateLimit(GUESSES_PER_SECOND, clock);
  const respond = (request: IncomingMessage, response: ServerResponse): void => {
    if (!isHostAllowed(request, response) || !isOriginAllowed(request, response)) return;
    // Not parsed as a URL: what a stranger sends as a path may not be one.
    if ((request.url ?? "/").split("?")[0] !== "/mcp") {
      reply(response, 404, "there is only /mcp here");
      return;
    }
    const verified = verifyBearer(request.headers.authorization, tokens(), clock());
    // Under its own name, so that nobody uses up what another may ask.
    const wait =
      verified.kind === "known"
        ? requests.take(verified.token.name)
        : guesses.take(request.socket.remoteAddress ?? "");
    if (wait > 0) {
      response.setHeader("Retry-After", String(wait));
      reply(response, 429, "too many requests: wait, then go on more slowly");
      return;
    }
    if (verified.kind !== "known") {
      response.setHeader("WWW-Authenticate", challengeTo(verified.kind));
      reply(response, 401, "a bearer token is required");
      return;
    }
    const { token } = verified;
    serve(
      {
        method: request.method ?? "GET",
        url: request.url ?? "/",
        headers: request.headers,
        auth: { token: "", clientId: token.name, scopes: [token.scope ?? "admin"] },
        [Symbol.asyncIterator]: () => request[Symbol.asyncIterator](),
      },
      response,
    ).catch((error: unknown) => {
      server.log("error", "an http request failed", {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      response.destroy();
    });
  };
  const http = listenerFor(respond, options);
  await new Promise<void>((resolve, reject) => {
    http.once("error", (error) => reject(listenError(error, options)));
    http.listen(options.port, options.host, resolve);
  });
  const address = http.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return {
    url: `${options.tls === undefined ? "http" : "https"}://${bracketed(options.host)}:${port}/mcp`,
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

function listenerFor(
  respond: (request: IncomingMessage, response: ServerResponse) => void,
  { tls }: HttpOptions,
): Server {
  if (tls === undefined) return createServer(respond);
  try {
    return createTlsServer({ cert: tls.cert, key: tls.key, minVersion: "TLSv1.2" }, respond);
  } catch (error) {
    throw new DomainError("unavailable", "the certificate and its key cannot be used", {
      hint: "give PEM files that belong together: --tls-cert and --tls-key",
      retryable: false,
      cause: error,
    });
  }
}

/** Source: RFC 6750, section 3. */
function challengeTo(kind: Exclude<Verified["kind"], "known">): string {
  if (kind === "none") return "Bearer";
  const what = kind === "expired" ? "the token has expired" : "the token is not known";
  return `Bearer error="invalid_token", error_description="${what}"`;
}

function reply(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32_000, message } }));
}
