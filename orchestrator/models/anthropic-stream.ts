import type {
  Message,
  RawContentBlockDelta,
  RawMessageStreamEvent,
} from "@anthropic-ai/sdk/resources/messages";
import type { Block, Delta, StopReason, TokenCounts } from "./chat-model.ts";
import { ModelCallError } from "./model-call-error.ts";

const STOP_REASONS: Readonly<Record<string, StopReason>> = {
  end_turn: "end_turn",
  stop_sequence: "end_turn",
  tool_use: "tool_use",
  max_tokens: "max_tokens",
  refusal: "refusal",
  pause_turn: "pause",
  model_context_window_exceeded: "context_full",
};

/** A block while its pieces arrive. */
interface Draft {
  readonly start: Message["content"][number];
  text: string;
  signature: string;
}

/**
 * Turns the wire's events into finished blocks. `onTokens` hears every count as it arrives, so that a call
 * that breaks off later is not taken for free.
 *
 * @throws {ModelCallError} where the events end before `message_stop`.
 */
export async function* assembleReply(
  events: AsyncIterable<RawMessageStreamEvent>,
  onTokens: (tokens: TokenCounts) => void,
): AsyncGenerator<Delta> {
  const drafts = new Map<number, Draft>();
  let tokens: TokenCounts = { inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0 };
  let stopReason: StopReason = "other";
  for await (const event of events) {
    switch (event.type) {
      case "message_start":
        tokens = withCounts(tokens, event.message.usage);
        onTokens(tokens);
        break;
      case "content_block_start":
        drafts.set(event.index, { start: event.content_block, text: "", signature: "" });
        break;
      case "content_block_delta": {
        const draft = drafts.get(event.index);
        if (draft === undefined) break;
        extend(draft, event.delta);
        if (event.delta.type === "text_delta") yield { type: "text", text: event.delta.text };
        break;
      }
      case "content_block_stop": {
        const draft = drafts.get(event.index);
        const block = draft === undefined ? null : finished(draft);
        if (block !== null) yield { type: "block", block };
        break;
      }
      case "message_delta":
        tokens = withCounts(tokens, event.usage);
        onTokens(tokens);
        stopReason = STOP_REASONS[event.delta.stop_reason ?? ""] ?? "other";
        break;
      case "message_stop":
        yield { type: "end", stopReason, tokens };
        return;
    }
  }
  throw new ModelCallError("unavailable", "the model's answer was cut off on the way", {
    retryable: true,
    tokens,
  });
}

/** Counts on the wire are cumulative, and null where an event does not repeat them. */
function withCounts(
  before: TokenCounts,
  usage: {
    readonly input_tokens?: number | null;
    readonly cache_read_input_tokens?: number | null;
    readonly cache_creation_input_tokens?: number | null;
    readonly output_tokens?: number | null;
  },
): TokenCounts {
  return {
    inputTokens: usage.input_tokens ?? before.inputTokens,
    cacheReadTokens: usage.cache_read_input_tokens ?? before.cacheReadTokens,
    cacheWriteTokens: usage.cache_creation_input_tokens ?? before.cacheWriteTokens,
    outputTokens: usage.output_tokens ?? before.outputTokens,
  };
}

function extend(draft: Draft, delta: RawContentBlockDelta): void {
  switch (delta.type) {
    case "text_delta":
      draft.text += delta.text;
      break;
    case "input_json_delta":
      draft.text += delta.partial_json;
      break;
    case "thinking_delta":
      draft.text += delta.thinking;
      break;
    case "signature_delta":
      draft.signature += delta.signature;
      break;
    case "citations_delta":
      break;
  }
}

/** Blocks of kinds that we never ask for are dropped. Empty texts are too: the endpoint refuses them on the way back. */
function finished({ start, text, signature }: Draft): Block | null {
  switch (start.type) {
    case "text": {
      const whole = start.text + text;
      return whole === "" ? null : { type: "text", text: whole };
    }
    case "thinking":
      return { type: "thinking", thinking: start.thinking + text, signature: start.signature + signature };
    case "redacted_thinking":
      return { type: "redacted_thinking", data: start.data };
    case "tool_use":
      return {
        type: "tool_use",
        id: start.id,
        name: start.name,
        input: text === "" ? start.input : parsed(text),
      };
    default:
      return null;
  }
}

/** A broken or cut-off argument text is kept as text: the tool then refuses it in words the model understands. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
