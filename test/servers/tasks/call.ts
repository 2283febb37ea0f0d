import { digestOf } from "../../../kernel/canonical-json.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import type { ToolServer } from "../../../kernel/mcp/server.ts";
import { DomainError } from "../../../kernel/errors.ts";

/**
 * Runs a tool as the server does, without a connection: for properties that make thousands of calls. `T` is what the
 * test expects of the answer; nothing checks it but what the test does with it.
 */
export async function run<T = Record<string, unknown>>(
  server: ToolServer,
  name: string,
  args: Record<string, unknown>,
  signal: Call["signal"] = new AbortController().signal,
  principal = "local",
): Promise<T> {
  const tool = server.tools.find((candidate) => candidate.name === name);
  if (tool === undefined) throw new Error(`no tool ${name}`);
  const { idempotency_key: key, ...rest } = args;
  const call: Call = {
    principal: { id: principal, channel: "in_process" },
    client: undefined,
    signal,
    progress: async () => undefined,
    ask: undefined,
    trace: { id: "test", traceparent: undefined },
    once: typeof key === "string" ? { tool: name, key, digest: digestOf(rest) } : undefined,
  };
  const input = tool.input.parse(args);
  const answer = (await tool.keptAnswer(input, call)) ?? (await tool.run(input, call));
  const told: T = JSON.parse(JSON.stringify(tool.output.parse(answer)));
  return told;
}

/** The code of the refusal, or "ok". Anything but a `DomainError` is a defect and is thrown on. */
export async function codeOf(
  server: ToolServer,
  name: string,
  args: Record<string, unknown>,
): Promise<string> {
  try {
    await run(server, name, args);
    return "ok";
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
}
