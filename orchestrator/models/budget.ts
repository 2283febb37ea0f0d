import type { TokenCounts } from "./chat-model.ts";
import { costUsd } from "./prices.ts";
import type { Price } from "./prices.ts";

export interface Limits {
  readonly tokens?: number;
  readonly usd?: number;
}

/** What was spent so far. `usd` is null as soon as one call had no known price. */
export interface Spend {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly usd: number | null;
}

/** Nothing spent. With no known price the cost starts out unknown, so that it can never read as 0. */
export function nothingSpent(price: Price | null): Spend {
  return { inputTokens: 0, outputTokens: 0, usd: price === null ? null : 0 };
}

/** Adds what a call really used. */
export function settle(spend: Spend, tokens: TokenCounts, price: Price | null): Spend {
  const cost = costUsd(tokens, price);
  return {
    inputTokens: spend.inputTokens + tokens.inputTokens + tokens.cacheReadTokens + tokens.cacheWriteTokens,
    outputTokens: spend.outputTokens + tokens.outputTokens,
    usd: spend.usd === null || cost === null ? null : spend.usd + cost,
  };
}

// UTF-8 bytes per token are seldom below 3 in code and prose; the true count only matters for the one call at the edge.
const BYTES_PER_TOKEN = 3;

/** A deliberately high estimate of the input tokens of a request of this many bytes. */
export function estimateInputTokens(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

export type Reservation =
  | { readonly granted: true; readonly maxTokens: number }
  | { readonly granted: false; readonly limit: "tokens" | "usd" };

/**
 * Reserves the worst case of the next call: all of its input at the dearest input rate and `maxTokens` of output.
 * Where the whole does not fit but `leastTokens` of output would, the call is granted with fewer output tokens.
 * A refusal names the limit. Because the input is an estimate, the overshoot is at most one call.
 */
export function reserve(
  spend: Spend,
  limits: Limits,
  call: { readonly inputTokens: number; readonly maxTokens: number; readonly leastTokens: number },
  price: Price | null,
): Reservation {
  let output = call.maxTokens;
  if (limits.tokens !== undefined) {
    output = Math.min(output, limits.tokens - spend.inputTokens - spend.outputTokens - call.inputTokens);
    if (output < call.leastTokens) return { granted: false, limit: "tokens" };
  }
  if (limits.usd !== undefined) {
    // A limit in money that cannot be measured would be no limit: it stops the work instead.
    if (price === null || spend.usd === null) return { granted: false, limit: "usd" };
    const dearest = Math.max(price.inputUsd, price.cacheReadUsd ?? 0, price.cacheWriteUsd ?? 0);
    const left = limits.usd - spend.usd - (call.inputTokens * dearest) / 1_000_000;
    if (left <= 0) return { granted: false, limit: "usd" };
    if (price.outputUsd > 0) output = Math.min(output, Math.floor((left * 1_000_000) / price.outputUsd));
    if (output < call.leastTokens) return { granted: false, limit: "usd" };
  }
  return { granted: true, maxTokens: Math.max(1, output) };
}
