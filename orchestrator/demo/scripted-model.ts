import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { once } from "node:events";
import type { z } from "zod";
import { readConversation } from "./conversation.ts";
import type { Policy } from "./conversation.ts";
import {
  countRequest,
  messagesRequest,
  toError,
  toEvents,
  tokensOf,
  toMessage,
  toSse,
} from "./messages-wire.ts";

/** A fault to inject into one request. `cut` ends the stream after some events, `stall` never sends another byte. */
export type Fault =
  | { readonly kind: "status"; readonly status: 429 | 500 | 529; readonly retryAfter?: string }
  | { readonly kind: "cut"; readonly afterEvents: number }
  | { readonly kind: "stall"; readonly afterEvents: number };

export interface ScriptedModelOptions {
  readonly policy: Policy;
  /** What a client must send as its key. */
  readonly apiKey: string;
  /** Asked once per request to /v1/messages, counted from 0. */
  readonly faults?: (request: number) => Fault | null;
}

export interface ScriptedModel extends AsyncDisposable {
  /** The base URL for any client of the Claude API. */
  readonly url: string;
  /** How many requests to /v1/messages came in, refused ones included. */
  requests(): number;
}

const MOST_BODY_BYTES = 32 * 1024 * 1024;

/**
 * Starts a model endpoint on loopback that needs no model: it speaks the Claude Messages format, streamed or not, and
 * answers with a policy. For the demo and for tests; whoever starts it says so to people. The caller disposes of it.
 */
export async function startScriptedModel(options: ScriptedModelOptions): Promise<ScriptedModel> {
  let served = 0;
  const server = createServer((request, response) => {
    void handle(request, response).catch(() => response.destroy());
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = URL.parse(request.url ?? "/", "http://localhost")?.pathname;
    if (request.method !== "POST" || (path !== "/v1/messages" && path !== "/v1/messages/count_tokens")) {
      return sendError(response, 404, "no such endpoint");
    }
    if (keyOf(request) !== options.apiKey) return sendError(response, 401, "invalid key");
    const body = await readBody(request);
    if (body === null) return sendError(response, 413, "the request is too large");
    if (path.endsWith("count_tokens")) {
      const parsed = parse(body, countRequest);
      if (parsed === null) return sendError(response, 400, "not a count_tokens request");
      const { system, tools, messages } = parsed;
      return sendJson(response, 200, { input_tokens: tokensOf({ system, tools, messages }) });
    }
    const serial = served;
    served += 1;
    const fault = options.faults?.(serial) ?? null;
    if (fault?.kind === "status")
      return sendError(response, fault.status, "injected fault", fault.retryAfter);
    const parsed = parse(body, messagesRequest);
    if (parsed === null) return sendError(response, 400, "not a messages request");
    const message = toMessage(parsed, options.policy(readConversation(parsed)), serial);
    if (!parsed.stream && fault === null) return sendJson(response, 200, message);
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    for (const [at, event] of toEvents(message).entries()) {
      if (fault !== null && at >= fault.afterEvents) {
        if (fault.kind === "cut") response.destroy();
        return;
      }
      // Flushed one by one, so that a fault comes after exactly the events it names.
      await new Promise<void>((resolve) => response.write(toSse(event), () => resolve()));
    }
    response.end();
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests: () => served,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** Both ways in which clients of this format send their key. */
function keyOf(request: IncomingMessage): string {
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
  const header = request.headers["x-api-key"];
  return bearer ?? (typeof header === "string" ? header : "");
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Uint8Array)) return null;
    size += chunk.length;
    if (size > MOST_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse<Schema extends z.ZodType>(body: string, schema: Schema): z.output<Schema> | null {
  try {
    const parsed = schema.safeParse(JSON.parse(body));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function sendError(response: ServerResponse, status: number, message: string, retryAfter?: string): void {
  if (retryAfter !== undefined) response.setHeader("retry-after", retryAfter);
  sendJson(response, status, toError(status, message));
}
