import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_RETRY, pauseMs, withRetry } from "../../../orchestrator/models/retry.ts";

class Again extends Error {
  readonly retryAfterMs: number | null;
  constructor(retryAfterMs: number | null = null) {
    super("again");
    this.retryAfterMs = retryAfterMs;
  }
}

function harness(random = () => 1) {
  const slept: number[] = [];
  const controller = new AbortController();
  const options = {
    policy: DEFAULT_RETRY,
    retryable: (error: unknown) => (error instanceof Again ? error : null),
    random,
    sleep: async (ms: number, signal: AbortSignal) => {
      signal.throwIfAborted();
      slept.push(ms);
    },
    signal: controller.signal,
    onRetry: () => undefined,
  };
  return { slept, controller, options };
}

describe("retrying", () => {
  test("doubles the ceiling of the pause up to the cap, then throws the last error", async () => {
    const { slept, options } = harness();
    let calls = 0;
    const failing = withRetry(async () => {
      calls += 1;
      throw new Again();
    }, options);
    await expect(failing).rejects.toThrow("again");
    expect(calls).toBe(6);
    expect(slept).toEqual([500, 1000, 2000, 4000, 8000]);
  });

  test("does not try a final error again", async () => {
    const { slept, options } = harness();
    await expect(withRetry(() => Promise.reject(new Error("final")), options)).rejects.toThrow("final");
    expect(slept).toEqual([]);
  });

  test("waits at least as long as the endpoint asked, and gives up where that is too long", async () => {
    const { slept, options } = harness(() => 0.5);
    const queue = [new Again(7_000), new Again(DEFAULT_RETRY.longestPauseMs + 1)];
    await expect(withRetry(() => Promise.reject(queue.shift()), options)).rejects.toThrow("again");
    expect(slept).toEqual([7_250]);
  });

  test("an abort while waiting ends it", async () => {
    const { controller, options } = harness();
    const failing = withRetry(async () => {
      controller.abort(new Error("stopped"));
      throw new Again();
    }, options);
    await expect(failing).rejects.toThrow("again");
    await expect(withRetry(() => Promise.resolve(1), options)).rejects.toThrow("stopped");
  });

  test("the pause is never shorter than asked and never longer than asked plus the cap", () => {
    const asked = fc.option(fc.integer({ min: 0, max: 1e6 }));
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 60 }),
        asked,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (next, after, random) => {
          const pause = pauseMs(next, after, DEFAULT_RETRY, () => random);
          expect(pause).toBeGreaterThanOrEqual(after ?? 0);
          expect(pause).toBeLessThanOrEqual((after ?? 0) + DEFAULT_RETRY.capMs);
        },
      ),
    );
  });
});
