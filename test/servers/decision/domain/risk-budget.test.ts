import { expect, test } from "vitest";
import type { Scored } from "../../../../servers/decision/domain/learning/scoring.ts";
import { seededRandom } from "../../../../servers/decision/domain/learning/seeded-random.ts";
import { allowanceOf, isUsedUp, upperBoundOf } from "../../../../servers/decision/domain/risk-budget.ts";

/** Changes whose forecasts are right: a share p of those with forecast p is defective. */
function honest(count: number, seed: number): readonly Scored[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const p = random() ** 3;
    return { p, label: random() < p ? 1 : 0 };
  });
}

test("59 changes without a defect show at most 5 %, 299 at most 1 %", () => {
  expect(upperBoundOf(0, 59)).toBeLessThan(0.05);
  expect(upperBoundOf(0, 58)).toBeGreaterThan(0.05);
  expect(upperBoundOf(0, 299)).toBeLessThan(0.01);
  expect(upperBoundOf(0, 298)).toBeGreaterThan(0.01);
  // Tables of the binomial: 10 of 100, one-sided 95 %.
  expect(upperBoundOf(10, 100)).toBeCloseTo(0.1637, 3);
  expect(upperBoundOf(5, 5)).toBe(1);
});

test("good forecasts are given room, and the rate below the cut is inside the budget", () => {
  const allowed = allowanceOf(honest(4_000, 1), 0.1);
  expect(allowed?.changes).toBeGreaterThan(1_000);
  expect((allowed?.defects ?? 1) / (allowed?.changes ?? 1)).toBeLessThan(0.1);
  expect(allowed?.upperBound).toBeLessThanOrEqual(0.1);
});

test("it abstains on thin evidence, and where every change is too risky", () => {
  expect(allowanceOf(honest(40, 1), 0.5)).toBeNull();
  expect(allowanceOf([], 0.5)).toBeNull();
  expect(
    allowanceOf(
      honest(1_000, 1).map(({ label }) => ({ p: 0.1, label })),
      0.1,
    ),
  ).toBeNull();
});

test("a budget is used up when what went on alone ended badly more often than chance allows", () => {
  // At a rate of 5 %: P(X >= 2 of 7) = .044, P(X >= 2 of 8) = .057.
  expect(isUsedUp({ changes: 0, bad: 0 }, 0.05)).toBe(false);
  expect(isUsedUp({ changes: 1, bad: 1 }, 0.049)).toBe(true);
  expect(isUsedUp({ changes: 2, bad: 1 }, 0.05)).toBe(false);
  expect(isUsedUp({ changes: 7, bad: 2 }, 0.05)).toBe(true);
  expect(isUsedUp({ changes: 8, bad: 2 }, 0.05)).toBe(false);
  expect(isUsedUp({ changes: 200, bad: 10 }, 0.05)).toBe(false);
  expect(isUsedUp({ changes: 200, bad: 17 }, 0.05)).toBe(true);
  expect(isUsedUp({ changes: 200, bad: 200 }, 0.05)).toBe(true);
});

test("changes of one forecast are never parted", () => {
  const past = honest(1_000, 3).map(({ p, label }) => ({ p: Math.round(p * 4) / 4, label }));
  const allowed = allowanceOf(past, 0.2);
  expect(past.filter(({ p }) => p <= (allowed?.cut ?? -1))).toHaveLength(allowed?.changes ?? -1);
});

test("the whole search is wrong in at most about one of twenty pasts", () => {
  // Forecasts that say nothing, and a true rate just above the budget: whatever is allowed is a mistake.
  let mistakes = 0;
  for (let seed = 0; seed < 200; seed += 1) {
    const random = seededRandom(seed);
    const past = Array.from({ length: 1_000 }, () => ({ p: random(), label: random() < 0.1 ? 1 : 0 }));
    if (allowanceOf(past, 0.099) !== null) mistakes += 1;
  }
  expect(mistakes).toBeLessThanOrEqual(16);
  expect(mistakes).toBeGreaterThan(0);
});

test.each([0, 1, -1, Number.NaN])("a budget of %s is refused", (budget) => {
  expect(() => allowanceOf([], budget)).toThrow(RangeError);
});
