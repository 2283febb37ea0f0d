import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nothingSpent, reserve, settle } from "../../../orchestrator/models/budget.ts";
import { BUNDLED_PRICES, costUsd, priceOf } from "../../../orchestrator/models/prices.ts";
import type { Price } from "../../../orchestrator/models/prices.ts";

const PRICE: Price = { inputUsd: 2, outputUsd: 10, cacheReadUsd: 0.2, cacheWriteUsd: 2.5 };
const counts = (inputTokens: number, outputTokens: number) => ({
  inputTokens,
  outputTokens,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
});
const call = { inputTokens: 1_000, maxTokens: 4_000, leastTokens: 256 };

describe("prices", () => {
  test("an unknown model has no price and its cost is unknown, not 0", () => {
    expect(priceOf("anything", BUNDLED_PRICES)).toBeNull();
    expect(priceOf("toString", { asOf: "2026-01-01", models: {} })).toBeNull();
    expect(costUsd(counts(1, 1), null)).toBeNull();
    expect(settle(nothingSpent(null), counts(5, 7), null)).toEqual({
      inputTokens: 5,
      outputTokens: 7,
      usd: null,
    });
  });

  test("each kind of token has its rate", () => {
    const tokens = { inputTokens: 1e6, cacheReadTokens: 1e6, cacheWriteTokens: 1e6, outputTokens: 1e6 };
    expect(costUsd(tokens, PRICE)).toBeCloseTo(14.7, 10);
    expect(costUsd(tokens, { inputUsd: 2, outputUsd: 10 })).toBeCloseTo(16, 10);
  });
});

describe("reserving", () => {
  test.each([
    ["no limit", {}, null, { granted: true, maxTokens: 4_000 }],
    ["room for all", { tokens: 5_000 }, null, { granted: true, maxTokens: 4_000 }],
    ["room for a shorter answer", { tokens: 1_500 }, null, { granted: true, maxTokens: 500 }],
    ["no room for an answer worth asking for", { tokens: 1_255 }, null, { granted: false, limit: "tokens" }],
    ["money for a shorter answer", { usd: 0.007505 }, PRICE, { granted: true, maxTokens: 500 }],
    ["no money for the input", { usd: 0.002 }, PRICE, { granted: false, limit: "usd" }],
    ["a limit in money without a price", { usd: 100 }, null, { granted: false, limit: "usd" }],
  ] as const)("%s", (_name, limits, price, expected) => {
    expect(reserve(nothingSpent(price), limits, call, price)).toEqual(expected);
  });

  test("what is granted fits, whenever the estimate holds", () => {
    const positive = fc.integer({ min: 1, max: 50_000 });
    fc.assert(
      fc.property(
        positive,
        positive,
        positive,
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        (input, most, tokens, usd) => {
          const granted = reserve(
            nothingSpent(PRICE),
            { tokens, usd },
            { ...call, inputTokens: input, maxTokens: most },
            PRICE,
          );
          if (!granted.granted) return;
          const after = settle(nothingSpent(PRICE), counts(input, granted.maxTokens), PRICE);
          expect(after.inputTokens + after.outputTokens).toBeLessThanOrEqual(tokens);
          expect(after.usd).toBeLessThanOrEqual(usd + 1e-9);
        },
      ),
    );
  });
});
