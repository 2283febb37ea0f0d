/** A tool as a model sees it; `inputSchema` is JSON Schema of an object. */
export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: { readonly type: "object"; readonly [key: string]: unknown };
}

export interface ToolUse {
  readonly type: "tool_use";
  readonly id: string;
  readonly name: string;
  /** As the model wrote it: not checked, and a string where it was not JSON. */
  readonly input: unknown;
}

export interface ToolResult {
  readonly type: "tool_result";
  readonly toolUseId: string;
  readonly text: string;
  readonly isError: boolean;
}

/** Thinking goes back to the model unchanged, in place and in order, and is used for nothing else. */
export type Block =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "thinking"; readonly thinking: string; readonly signature: string }
  | { readonly type: "redacted_thinking"; readonly data: string }
  | ToolUse
  | ToolResult;

export interface ChatMessage {
  readonly role: "user" | "assistant";
  readonly content: readonly Block[];
}

export type Effort = "low" | "medium" | "high" | "xhigh" | "max";

export interface ChatRequest {
  readonly model: string;
  readonly system: string;
  readonly tools: readonly ToolSpec[];
  readonly messages: readonly ChatMessage[];
  readonly maxTokens: number;
  readonly effort?: Effort;
}

/** Tokens of one call. The three input counts add up; they differ in price only. */
export interface TokenCounts {
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
}

export type StopReason =
  | "end_turn"
  | "tool_use"
  | "max_tokens"
  | "refusal"
  | "pause"
  | "context_full"
  | "other";

/** `block` comes once per finished block, in order. A stream that is complete ends with exactly one `end`. */
export type Delta =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "block"; readonly block: Block }
  | { readonly type: "end"; readonly stopReason: StopReason; readonly tokens: TokenCounts };

/**
 * One model endpoint. One `stream` is one HTTP attempt: retrying is the caller's.
 *
 * @throws {ModelCallError} while iterating, also for a stream that was cut before its `end`.
 */
export interface ChatModel {
  stream(request: ChatRequest, signal: AbortSignal): AsyncIterable<Delta>;
}

export interface Reply {
  readonly content: readonly Block[];
  readonly stopReason: StopReason;
  readonly tokens: TokenCounts;
}

/** Reads a stream to its end. Nothing of a cut stream is handed on, so a caller may simply ask again. */
export async function collectReply(stream: AsyncIterable<Delta>): Promise<Reply> {
  const content: Block[] = [];
  let end: { stopReason: StopReason; tokens: TokenCounts } | null = null;
  for await (const delta of stream) {
    if (delta.type === "block") content.push(delta.block);
    else if (delta.type === "end") end = delta;
  }
  if (end === null) throw new Error("a ChatModel ended its stream without an end");
  return { content, stopReason: end.stopReason, tokens: end.tokens };
}
