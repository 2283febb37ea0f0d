import { cleanText, clipText } from "../../kernel/text.ts";
import type { Block, ChatMessage, Reply, ToolResult, ToolUse } from "../models/chat-model.ts";
import type { Ending, ModelTool } from "./model-tool.ts";
import type { RunnerEvent } from "./runner.ts";

const SUMMARY_CHARACTERS = 160;

/** What one answer of the model led to. */
export interface Turn {
  readonly results: readonly ToolResult[];
  readonly ending: Ending | null;
  readonly text: string;
}

/**
 * Runs the tool calls of one answer, in its order, one after the other. An ending counts only when no call beside it
 * failed: a model that finishes in the same breath as a failing edit has not seen the failure yet.
 */
export async function runTurn(
  reply: Reply,
  tools: readonly ModelTool[],
  signal: AbortSignal,
  onEvent: (event: RunnerEvent) => void,
): Promise<Turn> {
  const results: ToolResult[] = [];
  let ending: Ending | null = null;
  let failed = false;
  let text = "";
  for (const block of reply.content) {
    if (block.type === "text") {
      text += block.text;
      onEvent({ type: "text", text: cleanText(block.text) });
    }
    if (block.type !== "tool_use") continue;
    signal.throwIfAborted();
    const answer = await unlessAborted(answerTo(block, reply, tools), signal);
    failed ||= answer.isError;
    ending = answer.ending ?? ending;
    results.push({ type: "tool_result", toolUseId: block.id, text: answer.text, isError: answer.isError });
    onEvent({
      type: "tool",
      name: knownName(block.name, tools),
      ok: !answer.isError,
      summary: summaryOf(block),
    });
  }
  if (ending === null || !failed) return { results, ending, text };
  return { results: results.map(withWarning), ending: null, text };
}

function withWarning(result: ToolResult): ToolResult {
  return result.isError
    ? result
    : { ...result, text: `${result.text}\nThe job goes on: another call of this turn failed.` };
}

async function answerTo(
  use: ToolUse,
  reply: Reply,
  tools: readonly ModelTool[],
): ReturnType<ModelTool["call"]> {
  const tool = tools.find((candidate) => candidate.spec.name === use.name);
  if (tool === undefined) {
    const names = tools.map((candidate) => candidate.spec.name).join(", ");
    return { text: `there is no such tool; the tools are: ${names}`, isError: true };
  }
  if (reply.stopReason === "max_tokens" && typeof use.input === "string") {
    return {
      text: "the arguments were cut off: the answer was too long. Do it in smaller steps.",
      isError: true,
    };
  }
  return tool.call(use.input);
}

/** A command may outlive its job's limit; the job does not wait for it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** Names that a model makes up do not travel on into events. */
function knownName(name: string, tools: readonly ModelTool[]): string {
  return tools.some((tool) => tool.spec.name === name) ? name : "unknown";
}

function summaryOf(use: ToolUse): string {
  return clipText(cleanText(JSON.stringify(use.input) ?? "").replaceAll("\n", " "), SUMMARY_CHARACTERS);
}

/** The conversation after an answer: append only, so that the cached prefix stays valid. */
export function extended(
  messages: readonly ChatMessage[],
  reply: Reply,
  next: readonly Block[],
): readonly ChatMessage[] {
  // The endpoint refuses an empty message, and a model may answer with nothing at all.
  const said: readonly Block[] =
    reply.content.length > 0 ? reply.content : [{ type: "text", text: "(no answer)" }];
  return [...messages, { role: "assistant", content: said }, { role: "user", content: next }];
}
