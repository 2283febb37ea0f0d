import type { Client } from "@modelcontextprotocol/client";
import { z } from "zod";
import { DomainError } from "../kernel/errors.ts";

/** Calls tools of one server. Answers come from another program and are parsed, not trusted. */
export interface ToolCaller {
  /**
   * @throws {DomainError} what the server refused with; `unavailable` when the connection or the server is gone.
   */
  call<S extends z.ZodType>(
    tool: string,
    args: Readonly<Record<string, unknown>>,
    answer: S,
    signal?: AbortSignal,
  ): Promise<z.output<S>>;
}

const Refusal = z.object({
  code: z.enum([
    "invalid",
    "not_found",
    "conflict",
    "invalid_state",
    "denied",
    "unavailable",
    "limit",
    "timeout",
  ]),
  message: z.string(),
  hint: z.string().optional(),
  retryable: z.boolean(),
});

/** No tool waits longer than 45 s; a server that says nothing for twice that is stuck. */
const TIMEOUT_MS = 90_000;

/** A caller over a connected MCP client. */
export function toolCaller(client: Client): ToolCaller {
  return {
    async call(tool, args, answer, signal) {
      const result = await client
        .callTool(
          { name: tool, arguments: { ...args } },
          { timeout: TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) },
        )
        .catch((error: unknown) => {
          throw signal?.aborted === true
            ? error
            : new DomainError("unavailable", `${tool} could not be called`, {
                hint: "the server's stderr says why",
                cause: error,
              });
        });
      if (result.isError === true) throw refusalOf(tool, result.content);
      return answer.parse(result.structuredContent);
    },
  };
}

function refusalOf(tool: string, content: readonly { readonly type: string }[]): DomainError {
  const block = content[0];
  const text = block !== undefined && "text" in block && typeof block.text === "string" ? block.text : "";
  const refusal = Refusal.safeParse(parseJson(text));
  // The SDK itself refuses arguments that do not fit the schema, in plain text.
  if (!refusal.success)
    return new DomainError("invalid", `${tool} refused its arguments: ${text.slice(0, 500)}`);
  const { code, message, hint, retryable } = refusal.data;
  return new DomainError(code, message, { ...(hint === undefined ? {} : { hint }), retryable });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
