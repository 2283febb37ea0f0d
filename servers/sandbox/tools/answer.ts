import { z } from "zod";
import { DEFAULT_WAIT_MS, MAX_WAIT_MS } from "../../../kernel/jobs.ts";
import { cleanText, clipText } from "../../../kernel/text.ts";
import { whole, words } from "./bounds.ts";
import { estimateTokens } from "../../../kernel/tokens.ts";
import type { SandboxRecord } from "../store/sandbox-store.ts";

/** Arguments that several tools share, described once. */
export const idempotencyKey = words(0, 200).optional();
export const sandboxId = z.string();
export const waitMs = whole(0, MAX_WAIT_MS).default(DEFAULT_WAIT_MS);
export const maxTokensInput = whole(200, 20_000).default(2_000);

/** `isolation: "none"` stands in every answer about a sandbox that isolates nothing. */
export function markIsolation({ isolation }: Pick<SandboxRecord, "isolation">): { isolation?: "none" } {
  return isolation === "none" ? { isolation } : {};
}

// Cleaning costs time by the byte, and no answer shows more than this of either end.
const HEAD_BYTES = 80_000;
const TAIL_BYTES = 160_000;

/** Output of a program as an answer shows it: safe to read, head and tail within a token budget. */
export function showOutput(
  output: Buffer,
  maxTokens: number,
): { readonly text: string; readonly truncated: boolean } {
  const isLong = output.length > HEAD_BYTES + TAIL_BYTES;
  const bytes = isLong
    ? Buffer.concat([output.subarray(0, HEAD_BYTES), Buffer.from("\n[…]\n"), output.subarray(-TAIL_BYTES)])
    : output;
  const text = cleanText(bytes.toString("utf8"));
  let shown = clipText(text, maxTokens * 3);
  // Quotes, line ends and wide characters cost more in JSON than a plain letter.
  for (let excess = tokensOf(shown) / maxTokens; excess > 1; excess = tokensOf(shown) / maxTokens) {
    shown = clipText(text, Math.max(0, Math.floor((shown.length / excess) * 0.95)));
  }
  return { text: shown, truncated: isLong || shown.length < text.length };
}

function tokensOf(text: string): number {
  return estimateTokens(JSON.stringify(text)) - 1;
}
