import fc from "fast-check";
import { expect, test } from "vitest";
import { counterfactualOf, distanceOf, type Decided } from "../../../../servers/decision/domain/explain.ts";
import { claimedReadings, FACTORS, type Readings } from "../../../../servers/decision/domain/factors.ts";
import { scoreRisk } from "../../../../servers/decision/domain/formula.ts";
import { applyPolicy, milderRungs, severity } from "../../../../servers/decision/domain/policy.ts";
import { BALANCED } from "../policies.ts";

const NOTHING = claimedReadings({});

function decided(
  values: readonly (number | null)[],
  confidence: number,
): { readonly of: Decided; readonly measured: Readings } {
  const reading = (index: number) => ({ value: values[index] ?? null, basis: "" });
  const measured: Readings = {
    complexity: reading(0),
    test_coverage: reading(1),
    dependency_changes: reading(2),
    historical_stability: reading(3),
    impact_radius: reading(4),
  };
  const result = scoreRisk(measured, NOTHING);
  const known = { risk: result.risk, known_weight: result.knownWeight, confidence, critical: 0, risk_cut: 1 };
  return {
    measured,
    of: {
      action: "merge",
      known,
      verdict: applyPolicy(BALANCED, "merge", known).verdict,
      factors: result.factors,
    },
  };
}

test("names the smallest single change that gives a milder verdict, in countable words", () => {
  const { of } = decided([0.5, null, 0.1, 0.1, 0.1], 0.95);
  const found = counterfactualOf(BALANCED, of);
  expect(of.verdict).toBe("proceed_with_monitoring");
  expect(found).toMatchObject({ factor: "complexity", from: 0.5, verdict: "auto_proceed" });
  expect(found?.words).toMatch(/^about \d+ lines instead/);
});

test("the change it names, put through the whole formula, does change the verdict, and half of it does not", () => {
  const value = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: null });
  fc.assert(
    fc.property(
      fc.tuple(value, value, value, value, value),
      fc.constantFrom(0.6, 0.8, 0.95),
      (values, confidence) => {
        const { of, measured } = decided(values, confidence);
        const found = counterfactualOf(BALANCED, of);
        if (found === null) return;
        const verdictWith = (to: number) => {
          const result = scoreRisk({ ...measured, [found.factor]: { value: to, basis: "" } }, NOTHING);
          return applyPolicy(BALANCED, of.action, { ...of.known, risk: result.risk }).verdict;
        };
        // A hair further, because the turning point itself is found to one part in ten thousand.
        const further = found.to > found.from ? Math.min(1, found.to + 1e-6) : Math.max(0, found.to - 1e-6);
        expect(verdictWith(further)).toBe(found.verdict);
        expect(found.verdict).not.toBe(of.verdict);
        if (Math.abs(found.to - found.from) > 1e-3)
          expect(verdictWith((found.from + found.to) / 2)).toBe(of.verdict);
      },
    ),
    { numRuns: 1000 },
  );
});

test("says so when no single factor can change the verdict, and what the milder verdicts lack", () => {
  const { of } = decided([0.1, 0.1, 0.1, 0.1, 0.1], 0.5);
  expect(of.verdict).toBe("request_review");
  expect(counterfactualOf(BALANCED, of)).toBeNull();
  expect(milderRungs(BALANCED, of.action, of.known, of.verdict)).toEqual([
    { verdict: "auto_proceed", lacks: ["confidence > 0.9 (is 0.5)"] },
    { verdict: "proceed_with_monitoring", lacks: ["confidence > 0.7 (is 0.5)"] },
  ]);
});

test("an alternative names the guards that stand in its way", () => {
  const { of } = decided([0.1, 0.1, 0.1, 0.1, 0.1], 0.95);
  const blocked: Decided = { ...of, known: { ...of.known, tests_failed: 1 }, verdict: "block" };
  expect(milderRungs(BALANCED, blocked.action, blocked.known, blocked.verdict)[0]?.lacks).toEqual([
    "not tests_failed: tests failed",
  ]);
  expect(severity("block")).toBe(4);
});

test("distance is 0 to itself, symmetric, at most 1, and null without a common factor", () => {
  const one = decided([0.2, null, 0.4, null, null], 1).of.factors.map((each) => each.value);
  const two = decided([1, 1, 0.4, null, null], 1).of.factors.map((each) => each.value);
  expect(distanceOf(one, one)).toBe(0);
  expect(distanceOf(one, two)).toBe(distanceOf(two, one));
  expect(distanceOf(one, two)).toBeCloseTo(Math.sqrt((0.2 * 0.8 ** 2) / 0.4), 12);
  expect(
    distanceOf(
      one,
      decided([null, 1, null, null, null], 1).of.factors.map((each) => each.value),
    ),
  ).toBeNull();
  expect(FACTORS.length).toBe(5);
});
