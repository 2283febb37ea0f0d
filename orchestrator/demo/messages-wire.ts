import { z } from "zod";
import type { PolicyReply } from "./policy-reply.ts";

// The part of the Messages wire format that a client of ours or a command-line agent sends. Unknown fields pass.
const textPart = z.looseObject({ type: z.literal("text"), text: z.string() });
const otherPart = z.looseObject({ type: z.string() });
const contentBlock = z.union([
  textPart,
  z.looseObject({
    type: z.literal("tool_use"),
    id: z.string(),
    name: z.string(),
    input: z.record(z.string(), z.unknown()),
  }),
  z.looseObject({
    type: z.literal("tool_result"),
    tool_use_id: z.string(),
    content: z.union([z.string(), z.array(z.union([textPart, otherPart]))]).default(""),
    is_error: z.boolean().nullish(),
  }),
  otherPart,
]);

export const messagesRequest = z.looseObject({
  model: z.string().min(1),
  max_tokens: z.int().min(1),
  stream: z.boolean().default(false),
  system: z.union([z.string(), z.array(textPart)]).optional(),
  tools: z.array(z.looseObject({ name: z.string() })).default([]),
  messages: z
    .array(
      z.object({
        role: z.enum(["user", "assistant", "system"]),
        content: z.union([z.string(), z.array(contentBlock)]),
      }),
    )
    .min(1),
});

export type MessagesRequest = z.output<typeof messagesRequest>;

export const countRequest = messagesRequest.omit({ max_tokens: true });

type Content =
  | { readonly type: "text"; readonly text: string; readonly citations: null }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; readonly input: unknown };

export interface WireMessage {
  readonly id: string;
  readonly type: "message";
  readonly role: "assistant";
  readonly model: string;
  readonly content: readonly Content[];
  readonly stop_reason: "end_turn" | "tool_use";
  readonly stop_sequence: null;
  readonly usage: ReturnType<typeof usageOf>;
}

// No tokenizer is bundled: the counts follow the real lengths at four bytes a token, and are never 0.
export function tokensOf(value: unknown): number {
  return Math.max(1, Math.ceil(Buffer.byteLength(JSON.stringify(value) ?? "") / 4));
}

function usageOf(input: number, output: number) {
  return {
    input_tokens: input,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: output,
  };
}

/** `serial` makes the ids of messages and tool calls unique within one server. */
export function toMessage(request: MessagesRequest, reply: PolicyReply, serial: number): WireMessage {
  const content: Content[] = [];
  if (reply.text !== undefined && reply.text !== "")
    content.push({ type: "text", text: reply.text, citations: null });
  for (const [at, call] of (reply.calls ?? []).entries()) {
    content.push({
      type: "tool_use",
      id: `toolu_scripted_${serial}_${at}`,
      name: call.tool,
      input: call.input,
    });
  }
  const { system, tools, messages } = request;
  return {
    id: `msg_scripted_${serial}`,
    type: "message",
    role: "assistant",
    model: request.model,
    content,
    stop_reason: (reply.calls ?? []).length > 0 ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: usageOf(tokensOf({ system, tools, messages }), tokensOf(content)),
  };
}

/** The events of a streamed answer, in order. Texts come in pieces, as they do from a model. */
export function toEvents(
  message: WireMessage,
): readonly { readonly type: string; readonly [key: string]: unknown }[] {
  const { input_tokens, output_tokens } = message.usage;
  const blocks = message.content.flatMap((block, index) => {
    const start =
      block.type === "text" ? { type: "text", text: "", citations: null } : { ...block, input: {} };
    const deltas =
      block.type === "text"
        ? pieces(block.text).map((text) => ({ type: "text_delta", text }))
        : pieces(JSON.stringify(block.input)).map((partial_json) => ({
            type: "input_json_delta",
            partial_json,
          }));
    return [
      { type: "content_block_start", index, content_block: start },
      ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
      { type: "content_block_stop", index },
    ];
  });
  return [
    {
      type: "message_start",
      message: { ...message, content: [], stop_reason: null, usage: { ...message.usage, output_tokens: 1 } },
    },
    { type: "ping" },
    ...blocks,
    {
      type: "message_delta",
      delta: { stop_reason: message.stop_reason, stop_sequence: null },
      usage: usageOf(input_tokens, output_tokens),
    },
    { type: "message_stop" },
  ];
}

/** Cut by code points, so that no piece ends in half a character. */
function pieces(text: string): readonly string[] {
  const points = Array.from(text);
  const cut: string[] = [];
  for (let at = 0; at < points.length; at += 48) cut.push(points.slice(at, at + 48).join(""));
  return cut;
}

export function toSse(event: { readonly type: string }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  529: "overloaded_error",
};

export function toError(status: number, message: string): object {
  return { type: "error", error: { type: ERROR_TYPES[status] ?? "api_error", message }, request_id: null };
}
