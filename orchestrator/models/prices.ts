import type { TokenCounts } from "./chat-model.ts";

/** US dollars per million tokens. Where the two cache rates are absent, cached input costs what input costs. */
export interface Price {
  readonly inputUsd: number;
  readonly outputUsd: number;
  readonly cacheReadUsd?: number;
  readonly cacheWriteUsd?: number;
}

/** Prices by exact model id, with the day they were read from the provider's page. */
export interface PriceTable {
  readonly asOf: string;
  readonly models: Readonly<Record<string, Price>>;
}

/**
 * Empty on purpose: the provider's packages state no prices, and a stale or remembered number would make every
 * cost wrong in silence. Configuration supplies the prices; without one a cost is null, which reads "unknown".
 */
export const BUNDLED_PRICES: PriceTable = { asOf: "2026-11-20", models: {} };

/** The price of exactly this model id, or null. A newer variant of a known model is not assumed to cost the same. */
export function priceOf(model: string, table: PriceTable): Price | null {
  return Object.hasOwn(table.models, model) ? (table.models[model] ?? null) : null;
}

/** The cost of one call in US dollars; null where the price is not known. */
export function costUsd(tokens: TokenCounts, price: Price | null): number | null {
  if (price === null) return null;
  const total =
    tokens.inputTokens * price.inputUsd +
    tokens.outputTokens * price.outputUsd +
    tokens.cacheReadTokens * (price.cacheReadUsd ?? price.inputUsd) +
    tokens.cacheWriteTokens * (price.cacheWriteUsd ?? price.inputUsd);
  return total / 1_000_000;
}
