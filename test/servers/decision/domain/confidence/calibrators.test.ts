import fc from "fast-check";
import { expect, test } from "vitest";
import { beta, isotonic, platt } from "../../../../../servers/decision/domain/confidence/calibrators.ts";
import { chosen } from "../../../../../servers/decision/domain/confidence/chosen.ts";
import { calibrationOf, reportOn } from "../../../../../servers/decision/domain/confidence/report.ts";
import { SCENARIOS, simulatedEces } from "../../../../support/simulated-agents.ts";

const statement = fc.double({ min: 0, max: 1, noNaN: true });
const outcomes = fc.array(fc.record({ p: statement, label: fc.constantFrom(0, 1) }), { maxLength: 60 });

test.each([
  ["platt", platt],
  ["beta", beta],
  ["isotonic", isotonic],
])("%s: whatever came true, it stays within 0..1 and never falls", (_name, fit) => {
  fc.assert(
    fc.property(outcomes, fc.array(statement, { minLength: 2, maxLength: 6 }), (past, stated) => {
      const calibrate = fit(past);
      const read = stated.toSorted((a, b) => a - b).map(calibrate);
      for (const [i, value] of read.entries()) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
        expect(value).toBeGreaterThanOrEqual((read[i - 1] ?? 0) - 1e-12);
      }
    }),
    { numRuns: 50 },
  );
});

test("without outcomes they say what was stated", () => {
  for (const p of [0.01, 0.3, 0.9]) {
    expect(platt([])(p)).toBeCloseTo(p, 9);
    expect(beta([])(p)).toBeCloseTo(p, 9);
    expect(isotonic([])(p)).toBe(p);
  }
});

test("always sure and right half of the time counts as about one half", () => {
  const past = Array.from({ length: 200 }, (_, i) => ({ p: 0.99, label: i % 2 }));
  expect(chosen(past).calibrate(0.99)).toBeCloseTo(0.5, 1);
});

test("pooling by hand", () => {
  const calibrate = isotonic([
    { p: 0.1, label: 0 },
    { p: 0.4, label: 1 },
    { p: 0.6, label: 0 },
    { p: 0.9, label: 1 },
  ]);
  expect([0.1, 0.5, 0.7, 0.95].map(calibrate)).toEqual([0, 0.5, 0.5, 1]);
});

// The full counts: npm run soak -- calibration.
test.each(Object.keys(SCENARIOS))(
  "an agent whose confidence is %s: true error after 100 outcomes",
  (name) => {
    const eces = simulatedEces(name, { outcomes: 100, runs: 15, draws: 2_000 });
    expect(eces[7]).toBeLessThan(0.06);
  },
);

test("an interval, what chance alone would give, and what went on alone", () => {
  const scored = Array.from({ length: 100 }, (_, i) => ({ p: 0.8, label: i % 5 === 0 ? 0 : 1 }));
  const { ece, ece_interval, ece_by_chance, reliability } = calibrationOf(scored);
  expect(ece).toBeCloseTo(0, 9);
  expect(ece_interval?.[1]).toBeGreaterThan(0.03);
  expect(ece_by_chance).toBeGreaterThan(0.01);
  expect(reliability).toEqual([{ p: expect.closeTo(0.8, 9), rate: 0.8, n: 100 }]);
  const { automation } = reportOn({
    statements: [],
    risks: [],
    decided: [
      ...Array.from({ length: 10 }, () => ({ isAlone: true, label: 0 as const })),
      ...Array.from({ length: 10 }, (_, i) => ({
        isAlone: false,
        label: i < 5 ? (1 as const) : (0 as const),
      })),
    ],
  });
  expect(automation).toMatchObject({ share: 0.5, realised: 0, budget: 0.125, isWithin: true });
  expect(automation.upper).toBeCloseTo(1 - 0.05 ** 0.1, 6);
});

test("nothing known is null, not perfect", () => {
  expect(calibrationOf([])).toMatchObject({ n: 0, brier: null, ece: null });
  expect(reportOn({ statements: [], risks: [], decided: [] }).automation).toEqual({
    share: null,
    realised: null,
    upper: null,
    budget: null,
    isWithin: null,
  });
});
