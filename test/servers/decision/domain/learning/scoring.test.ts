import fc from "fast-check";
import { expect, test } from "vitest";
import {
  aucOf,
  brierOf,
  eceOf,
  logLossMean,
  reliabilityOf,
  type Scored,
} from "../../../../../servers/decision/domain/learning/scoring.ts";

// Few distinct forecasts, so that ties are common.
const scored = fc.array(
  fc.record({ p: fc.integer({ min: 0, max: 20 }).map((n) => n / 20), label: fc.constantFrom(0, 1) }),
  { minLength: 1, maxLength: 60 },
);

/** The definition: over all pairs of a positive and a negative. */
function aucByPairs(rows: readonly Scored[]): number | null {
  const positives = rows.filter(({ label }) => label === 1);
  const negatives = rows.filter(({ label }) => label === 0);
  if (positives.length === 0 || negatives.length === 0) return null;
  let wins = 0;
  for (const { p } of positives) for (const { p: q } of negatives) wins += p > q ? 1 : p === q ? 0.5 : 0;
  return wins / (positives.length * negatives.length);
}

test("AUC is what its definition over all pairs says", () => {
  fc.assert(
    fc.property(scored, (rows) => {
      const byPairs = aucByPairs(rows);
      const fast = aucOf(rows);
      if (byPairs === null) expect(fast).toBeNull();
      else expect(fast).toBeCloseTo(byPairs, 12);
    }),
  );
});

test("AUC knows order only: a growing function of the forecasts changes nothing", () => {
  fc.assert(
    fc.property(scored, (rows) => {
      expect(aucOf(rows.map(({ p, label }) => ({ p: Math.exp(3 * p) + 100, label })))).toBe(aucOf(rows));
    }),
  );
});

test("no score depends on the order of the rows", () => {
  fc.assert(
    fc.property(scored, fc.infiniteStream(fc.nat()), (rows, keys) => {
      const shuffled = rows
        .map((row) => ({ row, key: keys.next().value }))
        .sort((a, b) => a.key - b.key)
        .map(({ row }) => row);
      expect(aucOf(shuffled)).toBe(aucOf(rows));
      for (const score of [brierOf, eceOf, logLossMean]) expect(score(shuffled)).toBeCloseTo(score(rows), 12);
    }),
  );
});

test("the calibration error of a table computed by hand", () => {
  const rows = [
    // Bin .2 to .3: forecast .25, rate 1/4, so that it adds nothing.
    ...[1, 0, 0, 0].map((label) => ({ p: 0.25, label })),
    // Bin .8 to .9: forecasts .8 and .88, rate 1/2.
    { p: 0.8, label: 1 },
    { p: 0.88, label: 0 },
    // The last bin takes 1 in: forecast 1, rate 0.
    { p: 1, label: 0 },
    { p: 1, label: 0 },
  ];
  expect(reliabilityOf(rows).map(({ count }) => count)).toEqual([0, 0, 4, 0, 0, 0, 0, 0, 2, 2]);
  expect(eceOf(rows)).toBeCloseTo((2 / 8) * (0.84 - 0.5) + (2 / 8) * 1, 12);
  expect(brierOf(rows)).toBeCloseTo((0.75 ** 2 + 3 * 0.25 ** 2 + 0.2 ** 2 + 0.88 ** 2 + 2) / 8, 12);
});

test("log-loss of a coin is ln 2, and certainty that fails is dear but finite", () => {
  expect(logLossMean([{ p: 0.5, label: 1 }])).toBeCloseTo(Math.LN2, 12);
  expect(logLossMean([{ p: 0, label: 1 }])).toBeCloseTo(30, 3);
});

test("a forecast outside 0 to 1 has no bin", () => {
  expect(() => eceOf([{ p: -0.2, label: 0 }])).toThrow(RangeError);
});
