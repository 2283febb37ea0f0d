import { expect, test } from "vitest";
import { FACT_NAMES, isPossible, riskierFacts } from "../../../../servers/decision/domain/facts.ts";

test("no fact can be NaN, infinite or negative", () => {
  for (const name of FACT_NAMES) {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, -1e-9])
      expect(isPossible(name, value)).toBe(false);
    expect(isPossible(name, 0) && isPossible(name, 1)).toBe(true);
  }
  expect(isPossible("coverage", 1.01)).toBe(false);
  expect(isPossible("tests_failed", 0.5)).toBe(false);
});

test("of two claims the riskier holds, a number holds against not knowing, and not knowing against silence", () => {
  expect(riskierFacts({ coverage: 0.9, tests_failed: 2 }, { coverage: 0.4, tests_failed: 0 })).toEqual({
    coverage: 0.4,
    tests_failed: 2,
  });
  expect(riskierFacts({ tests_failed: 2 }, { tests_failed: null })).toEqual({ tests_failed: 2 });
  expect(riskierFacts({}, { tests_failed: null })).toEqual({ tests_failed: null });
});
