import type Anthropic from "@anthropic-ai/sdk";
import type { APIError } from "@anthropic-ai/sdk";
import type {
  ContentBlockParam,
  MessageCreateParamsStreaming,
  RawMessageStreamEvent,
} from "@anthropic-ai/sdk/resources/messages";
import { DomainError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { cleanText, clipText } from "../../kernel/text.ts";
import { assembleReply } from "./anthropic-stream.ts";
import type { Block, ChatModel, ChatRequest, Delta, TokenCounts } from "./chat-model.ts";
import { ModelCallError } from "./model-call-error.ts";

export interface AnthropicOptions {
  readonly apiKey: string;
  /** Null means the provider's own endpoint. */
  readonly baseUrl: string | null;
  /** Longest wait for the first byte of an answer, in ms. */
  readonly requestTimeoutMs?: number;
  /** Longest silence inside a stream, in ms. */
  readonly idleTimeoutMs?: number;
  readonly clock: () => number;
  /** Where the client library logs; never stdout, which may be carrying a protocol. */
  readonly log: Log;
}

/** The Claude API, or any endpoint that speaks its Messages format. The library is loaded with the first call. */
export function anthropicModel(options: AnthropicOptions): ChatModel {
  const { requestTimeoutMs = 120_000, idleTimeoutMs = 90_000, clock } = options;
  let client: Promise<Anthropic> | null = null;

  async function* stream(request: ChatRequest, signal: AbortSignal): AsyncGenerator<Delta> {
    client ??= openClient(options, requestTimeoutMs);
    const { messages } = await client;
    const { APIError: ApiError, APIConnectionTimeoutError: TimedOut } = await import("@anthropic-ai/sdk");
    const idle = new AbortController();
    const timer = setTimeout(() => idle.abort(), requestTimeoutMs);
    const seen: { tokens: TokenCounts | null } = { tokens: null };

    const failed = (error: unknown): unknown => {
      if (signal.aborted) return signal.reason;
      if (error instanceof ModelCallError) return error;
      if (idle.signal.aborted || error instanceof TimedOut) return timedOut(seen.tokens, error);
      if (error instanceof ApiError && (error.status !== undefined || error.type !== null)) {
        options.log("warn", "the model endpoint refused a call", {
          said: clipText(cleanText(error.message), 2_000),
        });
        return refused(error, clock(), seen.tokens);
      }
      return cut(seen.tokens, error);
    };

    const events = async function* (): AsyncGenerator<RawMessageStreamEvent> {
      const wire = await messages.create(toParams(request), {
        signal: AbortSignal.any([signal, idle.signal]),
      });
      clearTimeout(timer);
      const silence = setTimeout(() => idle.abort(), idleTimeoutMs);
      try {
        for await (const event of wire) {
          silence.refresh();
          yield event;
        }
      } finally {
        clearTimeout(silence);
      }
      // The library ends an aborted stream without a word.
      if (signal.aborted || idle.signal.aborted) throw new Error("aborted");
    };

    try {
      yield* assembleReply(events(), (tokens) => {
        seen.tokens = tokens;
      });
    } catch (error) {
      throw failed(error);
    } finally {
      clearTimeout(timer);
    }
  }
  return { stream };
}

async function openClient(options: AnthropicOptions, timeout: number): Promise<Anthropic> {
  const sdk = await import("@anthropic-ai/sdk").catch((cause: unknown) => {
    throw new DomainError("unavailable", "the Claude client library is not installed", {
      hint: "npm install @anthropic-ai/sdk",
      retryable: false,
      cause,
    });
  });
  const log =
    (level: "error" | "warn" | "info") =>
    (message: string): void =>
      options.log(level, message);
  return new sdk.Anthropic({
    apiKey: options.apiKey,
    baseURL: options.baseUrl,
    timeout,
    // One retry layer only, and it is ours.
    maxRetries: 0,
    logLevel: "warn",
    logger: { error: log("error"), warn: log("warn"), info: log("info"), debug: () => undefined },
  });
}

/** The system prompt and the newest message are marked for the cache: everything before them never changes. */
function toParams(request: ChatRequest): MessageCreateParamsStreaming {
  const last = request.messages.length - 1;
  return {
    model: request.model,
    max_tokens: request.maxTokens,
    stream: true,
    system: [{ type: "text", text: request.system, cache_control: { type: "ephemeral" } }],
    messages: request.messages.map((message, index) => ({
      role: message.role,
      content: message.content.map((block, at) =>
        toBlock(block, index === last && at === message.content.length - 1),
      ),
    })),
    ...(request.effort === undefined ? {} : { output_config: { effort: request.effort } }),
    ...(request.tools.length === 0
      ? {}
      : {
          tools: request.tools.map((tool) => ({
            name: tool.name,
            description: tool.description,
            input_schema: { ...tool.inputSchema },
          })),
        }),
  };
}

function toBlock(block: Block, cached: boolean): ContentBlockParam {
  const cache = cached ? { cache_control: { type: "ephemeral" as const } } : {};
  switch (block.type) {
    case "text":
      return { type: "text", text: block.text, ...cache };
    case "thinking":
      return { type: "thinking", thinking: block.thinking, signature: block.signature };
    case "redacted_thinking":
      return { type: "redacted_thinking", data: block.data };
    case "tool_use":
      // The endpoint accepts objects only; what the model really wrote was answered with an error.
      return {
        type: "tool_use",
        id: block.id,
        name: block.name,
        input: isObject(block.input) ? block.input : {},
      };
    default:
      return {
        type: "tool_result",
        tool_use_id: block.toolUseId,
        content: block.text,
        is_error: block.isError,
        ...cache,
      };
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function timedOut(tokens: TokenCounts | null, cause: unknown): ModelCallError {
  return new ModelCallError("timeout", "the model endpoint fell silent", { retryable: true, tokens, cause });
}

function cut(tokens: TokenCounts | null, cause: unknown): ModelCallError {
  return new ModelCallError("unavailable", "the connection to the model endpoint failed", {
    retryable: true,
    hint: "check the network and ANTHROPIC_BASE_URL",
    tokens,
    cause,
  });
}

// An error inside a stream has a type but no status.
const PASSING_TYPES: ReadonlySet<string> = new Set([
  "overloaded_error",
  "rate_limit_error",
  "api_error",
  "timeout_error",
]);

/** The endpoint's own words stay on stderr: only the status and a known type are passed on. */
function refused(error: APIError, now: number, tokens: TokenCounts | null): ModelCallError {
  const status = error.status ?? 0;
  const passing =
    status === 408 ||
    status === 409 ||
    status === 429 ||
    status >= 500 ||
    PASSING_TYPES.has(error.type ?? "");
  const what = status === 0 ? "broke off the answer" : `answered ${status}`;
  const message = `the model endpoint ${what}${error.type === null ? "" : ` (${error.type.replace(/[^a-z_]/g, "")})`}`;
  if (passing) {
    return new ModelCallError(status === 429 ? "limit" : "unavailable", message, {
      retryable: true,
      retryAfterMs: retryAfterMs(error.headers, now),
      tokens,
      cause: error,
    });
  }
  if (status === 401 || status === 402 || status === 403) {
    return new ModelCallError("denied", message, {
      retryable: false,
      hint: "check ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL and the account behind them",
      tokens,
      cause: error,
    });
  }
  return new ModelCallError("invalid", message, {
    retryable: false,
    hint: "check the model id in slipway.yaml; the endpoint's own words are in the log on stderr",
    tokens,
    cause: error,
  });
}

/** Reads `retry-after-ms`, and `retry-after` in both forms of RFC 9110 section 10.2.3; null where absent or unreadable. */
export function retryAfterMs(headers: Headers | undefined, now: number): number | null {
  const exact = Number(headers?.get("retry-after-ms") ?? Number.NaN);
  if (Number.isFinite(exact) && exact >= 0) return exact;
  const value = headers?.get("retry-after")?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
