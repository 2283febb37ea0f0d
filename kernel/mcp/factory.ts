import {
  inputRequired,
  McpServer,
  type CallToolResult,
  type InputRequiredResult,
  type McpRequestContext,
  type McpServerFactory,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { digestOf } from "../canonical-json.ts";
import { DomainError, type ErrorAnswer } from "../errors.ts";
import { AnsweredMeanwhile } from "../store.ts";
import { estimateTokens, HARD_MAX_TOKENS } from "../tokens.ts";
import { VERSION } from "../version.ts";
import { checkedArguments } from "./arguments.ts";
import type { Audit } from "./audit.ts";
import type { Call, Principal } from "./call.ts";
import { listed, listedArguments } from "./listed-schema.ts";
import { registerPrompt, registerResource } from "./offers.ts";
import { callOf, Question } from "./request.ts";
import type { BoundTool, ToolServer } from "./server.ts";
import { covers, SCOPES, type Scope } from "./tokens.ts";

/**
 * Builds what the SDK calls for each connection (stdio) or each request (HTTP). Nothing is opened here: state lives
 * in the opened server. Serves hosts of 2026-07-28 and of 2025-11-25 and older alike.
 *
 * @param audit Told of every call that needs `admin`, and of every one that is denied.
 */
export function mcpFactory(
  server: ToolServer,
  channel: Principal["channel"],
  audit: Audit = () => undefined,
): McpServerFactory {
  return (request: McpRequestContext) => {
    const mcp = new McpServer(
      { name: `slipway-${server.name}`, version: VERSION },
      { instructions: server.instructions },
    );
    const principal = principalOf(channel, request);
    const scope = scopeOf(channel, request);
    for (const tool of server.tools) {
      const admit = (): void => admitCall(tool, principal, scope, audit);
      register(mcp, server, tool, principal, admit);
    }
    for (const prompt of server.prompts ?? []) registerPrompt(mcp, prompt);
    for (const resource of server.resources ?? []) registerResource(mcp, server, resource, principal);
    return mcp;
  };
}

function principalOf(channel: Principal["channel"], request: McpRequestContext): Principal {
  const id = channel === "http" ? `token:${request.authInfo?.clientId ?? "unknown"}` : "local";
  return { id, channel };
}

/** Who starts a server as a process or holds it in theirs may do everything; over HTTP the token says. */
function scopeOf(channel: Principal["channel"], request: McpRequestContext): Scope {
  if (channel !== "http") return "admin";
  return SCOPES.find((scope) => request.authInfo?.scopes.includes(scope) === true) ?? "read";
}

/** @throws {DomainError} denied where the token does not cover the tool; the audit's own, and then nothing was done. */
function admitCall(tool: BoundTool, { id }: Principal, has: Scope, audit: Audit): void {
  const call = { principal: id, tool: tool.name, needs: tool.scope, has };
  if (covers(has, tool.scope)) {
    if (tool.scope === "admin") audit({ ...call, outcome: "allowed" });
    return;
  }
  audit({ ...call, outcome: "denied" });
  throw new DomainError(
    "denied",
    `${tool.name} needs a token with scope ${tool.scope}, this one has ${has}`,
    {
      hint: "ask the person who runs the server for another token (slipway token create)",
      retryable: false,
    },
  );
}

function register(
  mcp: McpServer,
  server: ToolServer,
  tool: BoundTool,
  principal: Principal,
  admit: () => void,
): void {
  mcp.registerTool(
    tool.name,
    {
      title: tool.title,
      description: tool.description,
      inputSchema: listedArguments(tool.input),
      outputSchema: listed(tool.output),
      annotations: tool.annotations,
      ...(tool.alwaysLoad ? { _meta: { "anthropic/alwaysLoad": true } } : {}),
    },
    async (
      given: Record<string, unknown>,
      context: ServerContext,
    ): Promise<CallToolResult | InputRequiredResult> => {
      let call = callOf(mcp, context, principal, undefined);
      try {
        admit();
        const input = checkedArguments(tool, given);
        const { idempotency_key: key, ...rest } = input;
        if (typeof key === "string")
          call = { ...call, once: { tool: tool.name, key, digest: digestOf(rest) } };
        return answer(await runOnce(tool, input, call));
      } catch (error) {
        if (error instanceof Question) return inputRequired({ inputRequests: error.requests });
        return refusal(error, server, tool, call);
      }
    },
  );
}

/** Runs the tool, or gives the answer that this idempotency key already has. */
async function runOnce(tool: BoundTool, input: Record<string, unknown>, call: Call): Promise<unknown> {
  const kept = await tool.keptAnswer(input, call);
  if (kept !== undefined) return kept;
  try {
    return await tool.run(input, call);
  } catch (error) {
    if (error instanceof AnsweredMeanwhile) return tool.keptAnswer(input, call);
    throw error;
  }
}

function answer(value: unknown): CallToolResult {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new Error("a tool must answer with an object");
  const text = JSON.stringify(value);
  if (estimateTokens(text) > HARD_MAX_TOKENS) {
    throw new DomainError("limit", "the answer is larger than any host takes", {
      hint: "ask for less: a smaller limit or max_tokens, or the next page by cursor",
    });
  }
  return { content: [{ type: "text", text }], structuredContent: { ...value } };
}

function refusal(error: unknown, server: ToolServer, tool: BoundTool, call: Call): CallToolResult {
  if (error instanceof DomainError) return errorResult(error.toAnswer());
  server.log("error", "a tool failed unexpectedly", {
    tool: tool.name,
    correlation_id: call.trace.id,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  return errorResult({
    code: "unavailable",
    message: `${tool.name} failed unexpectedly (correlation id ${call.trace.id})`,
    hint: "the details are on the server's stderr under this id",
    retryable: false,
  });
}

function errorResult(content: ErrorAnswer): CallToolResult {
  return { isError: true, content: [{ type: "text", text: JSON.stringify(content) }] };
}
