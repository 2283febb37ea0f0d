import { randomUUID } from "node:crypto";
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  inputRequired,
  inputResponse,
  type InputRequests,
  type McpServer,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import type { OnceKey } from "../store.ts";
import type { Call, Principal } from "./call.ts";

/** What a 2026-07-28 host says about itself with every request; older hosts say it once, when they connect. */
const Envelope = z.object({
  [CLIENT_CAPABILITIES_META_KEY]: z.object({ elicitation: z.unknown().optional() }).optional(),
  [CLIENT_INFO_META_KEY]: z.object({ name: z.string(), version: z.string() }).optional(),
});

/** Carries a question out of a tool to the host; the tool runs again once the host has answered. */
export class Question extends Error {
  readonly requests: InputRequests;

  constructor(requests: InputRequests) {
    super("the host is asked first");
    this.requests = requests;
  }
}

/** What may be known about a request, of whatever kind. */
export function callOf(
  mcp: McpServer,
  context: ServerContext,
  principal: Principal,
  once: OnceKey | undefined,
): Call {
  const request = context.mcpReq;
  const envelope = Envelope.safeParse(request.envelope ?? {}).data;
  const capabilities = envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? mcp.server.getClientCapabilities();
  const client = envelope?.[CLIENT_INFO_META_KEY] ?? mcp.server.getClientVersion();
  const progressToken = request._meta?.progressToken;
  const traceparent = request._meta?.["traceparent"];
  return {
    principal,
    client: client === undefined ? undefined : { name: client.name, version: client.version },
    signal: request.signal,
    once,
    trace: { id: randomUUID(), traceparent: typeof traceparent === "string" ? traceparent : undefined },
    async progress(update) {
      if (progressToken === undefined) return;
      await request.notify({ method: "notifications/progress", params: { progressToken, ...update } });
    },
    ask:
      capabilities?.elicitation === undefined
        ? undefined
        : (question, message, schema) => {
            const reply = inputResponse(request.inputResponses, question);
            if (reply.kind === "elicit") {
              if (reply.action !== "accept") return { action: reply.action };
              const content = schema.safeParse(acceptedContent(request.inputResponses, question));
              if (content.success) return { action: "accept", content: content.data };
            }
            throw new Question({ [question]: inputRequired.elicit({ message, requestedSchema: schema }) });
          },
  };
}
