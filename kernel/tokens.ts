/**
 * Token counts are estimated, not measured: no tokenizer is loaded at run time. Three bytes a token overstates
 * English and JSON (about four) and stays above code and most other scripts; tests hold it against a real one.
 */
const BYTES_PER_TOKEN = 3;

/** What an answer may cost when the caller names no budget. */
export const DEFAULT_MAX_TOKENS = 2_000;

/** No answer is ever larger, whatever the caller asks for: hosts cut replies at 25,000. */
export const HARD_MAX_TOKENS = 20_000;

/** An upper estimate of the tokens of a text, 0 for "". */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

/**
 * Takes items from the front while their JSON fits the budget. `reserve` is kept for the rest of the answer.
 * The first item is always taken, so that a reader with a cursor makes progress; clip its long fields first.
 */
export function fitItems<T>(items: readonly T[], maxTokens: number, reserve = 100): { readonly taken: readonly T[]; readonly truncated: boolean } {
  let left = maxTokens - reserve;
  let count = 0;
  for (const item of items) {
    left -= estimateTokens(JSON.stringify(item)) + 1;
    if (left < 0 && count > 0) break;
    count += 1;
  }
  return { taken: items.slice(0, count), truncated: count < items.length };
}

/** Cuts a text to a token budget, at a code point, and says whether it did. */
export function fitText(text: string, maxTokens: number): { readonly text: string; readonly truncated: boolean } {
  const maxBytes = Math.max(0, maxTokens) * BYTES_PER_TOKEN;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return { text, truncated: false };
  let end = maxBytes;
  // A byte of the form 10xxxxxx continues a code point: step back to where one starts.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return { text: bytes.subarray(0, end).toString("utf8"), truncated: true };
}
