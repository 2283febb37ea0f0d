import fc from "fast-check";
import { expect, test } from "vitest";
import { counterfactualOf, type Situation } from "../../../../servers/decision/domain/counterfactual.ts";
import { FACT_NAMES, FACTS, type FactName } from "../../../../servers/decision/domain/facts.ts";
import { FACTORS, type Readings } from "../../../../servers/decision/domain/factors.ts";
import { scored } from "../../../../servers/decision/domain/learned-risk.ts";
import { ACTIONS, milderRungs, severity, type Action } from "../../../../servers/decision/domain/policy.ts";
import { distanceOf } from "../../../../servers/decision/domain/precedents.ts";
import { judgement } from "../../../../servers/decision/tools/judging.ts";
import { BALANCED } from "../policies.ts";

const BUDGET = {
  ...{ rate: 0.5, isUsedUp: false, alone: { changes: 0, bad: 0 } },
  allowance: { cut: 1, changes: 100, defects: 0, upperBound: 0.03 },
};
const judgedAs = (action: Action) => (one: Situation) =>
  judgement(
    BALANCED,
    { action, claims: one.claims, result: scored(one.measured, one.claims, null), policyTouched: false },
    {
      reading: { stated: one.confidence, confidence: one.confidence, outcomes: 0 },
      budget: BUDGET,
      isCritical: one.isCritical,
      isDisputed: false,
    },
  );

const flipOf = (action: Action, situation: Situation) =>
  counterfactualOf(BALANCED, action, situation, (one) => judgedAs(action)(one).outcome.verdict);

function situation(values: readonly (number | null)[], rest: Partial<Situation> = {}): Situation {
  const reading = (index: number) => ({ value: values[index] ?? null, basis: "" });
  const measured: Readings = {
    complexity: reading(0),
    test_coverage: reading(1),
    dependency_changes: reading(2),
    historical_stability: reading(3),
    impact_radius: reading(4),
  };
  return { claims: {}, measured, metrics: null, confidence: 0.95, isCritical: false, ...rest };
}

test("names the smallest single change that gives a milder verdict, in countable words", () => {
  const found = flipOf("merge", situation([0.5, null, 0.1, 0.1, 0.1]));
  expect(found).toMatchObject({ factor: "complexity", from: 0.5, verdict: "auto_proceed" });
  expect(found?.words).toMatch(/^about \d+ lines instead/);
});

const SAFE = [0.1, 0.1, 0.1, 0.1, 0.1];
test.each<[string, Action, Situation, object | null]>([
  [
    "a failed test",
    "merge",
    situation(SAFE, { claims: { tests_failed: 3 } }),
    { factor: "tests_failed", to: 0 },
  ],
  [
    "a broken interface",
    "merge",
    situation(SAFE, { claims: { breaking_api_changes: 2 } }),
    { factor: "breaking_api_changes", from: 2, to: 0 },
  ],
  [
    "a critical change",
    "merge",
    situation(SAFE, { isCritical: true }),
    { factor: "critical", from: 1, to: 0 },
  ],
  ["no confidence", "merge", situation(SAFE, { confidence: 0.5 }), { factor: "confidence", to: 0.7001 }],
  [
    "a slow one",
    "merge",
    situation(SAFE, { claims: { performance_degradation: 2 } }),
    { factor: "performance_degradation", to: 0.5 },
  ],
  ["a deploy nobody tested", "deploy", situation(SAFE), { factor: "test_failure_rate", from: null, to: 0 }],
  [
    "two reasons at once",
    "merge",
    situation(SAFE, { claims: { tests_failed: 1, secrets_found: 1 } }),
    { factor: "tests_failed", to: 0, also: { factor: "secrets_found", from: 1, to: 0 } },
  ],
])("%s has a change that flips it", (_what, action, given, expected) => {
  expect(flipOf(action, given)).toMatchObject(expected ?? {});
});

test("what it names gives another verdict when judged again; where any single setting does, it is not null", () => {
  const value = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: null });
  const fact = (name: FactName) => {
    const { kind } = FACTS[name];
    const known =
      kind === "share" ? fc.double({ min: 0, max: 1, noNaN: true }) : fc.integer({ min: 0, max: 1 });
    return fc.option(fc.option(known, { nil: null, freq: 9 }), { nil: undefined, freq: 1 });
  };
  const claims = fc.record(Object.fromEntries(FACT_NAMES.map((name) => [name, fact(name)])));
  let flips = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...ACTIONS),
      fc.tuple(value, value, value, value, value),
      claims,
      fc.constantFrom(0.5, 0.8, 0.95),
      fc.boolean(),
      (action, values, given, confidence, isCritical) => {
        const known = Object.fromEntries(
          Object.entries(given)
            .filter(([, one]) => one !== undefined)
            .slice(0, 3),
        );
        const from = situation(values, { claims: known, confidence, isCritical });
        const before = judgedAs(action)(from).outcome.verdict;
        const found = flipOf(action, from);
        const set = (one: Situation, { factor, to }: { factor: string; to: number }): Situation => {
          if (factor === "confidence") return { ...one, confidence: to };
          if (factor === "critical") return { ...one, isCritical: to === 1 };
          const name = FACTORS.find((each) => each === factor);
          // Of a factor's two homes the measured one is meant wherever it was measured.
          return name !== undefined &&
            one.measured !== null &&
            one.measured[name].value !== null &&
            !(factor in one.claims)
            ? { ...one, measured: { ...one.measured, [name]: { value: to, basis: "" } } }
            : { ...one, claims: { ...one.claims, [factor]: to } };
        };
        if (found !== null) {
          const changed = found.also === undefined ? from : set(from, found.also);
          const after = judgedAs(action)(set(changed, found)).outcome.verdict;
          expect(after).toBe(found.verdict);
          expect(after).not.toBe(before);
          flips += 1;
        }
        const single = [
          ...FACT_NAMES.flatMap((factor) => [0, 1].map((to) => ({ factor, to }))),
          ...[0, 1].map((to) => ({ factor: "critical", to })),
          ...[0, 1].map((to) => ({ factor: "confidence", to })),
        ].some((one) => judgedAs(action)(set(from, one)).outcome.verdict !== before);
        if (single) expect(found).not.toBeNull();
      },
    ),
    { numRuns: 60, seed: 7 },
  );
  expect(flips).toBeGreaterThan(50);
});

test("what the milder verdicts lack, and the guards that stand in their way", () => {
  const { known } = judgedAs("merge")(situation(SAFE, { confidence: 0.5 }));
  expect(milderRungs(BALANCED, "merge", known, "request_review")).toEqual({
    guards: [],
    rungs: [
      { verdict: "auto_proceed", lacks: ["confidence > 0.9 (is 0.5)"], guards: 0 },
      { verdict: "proceed_with_monitoring", lacks: ["confidence > 0.7 (is 0.5)"], guards: 0 },
    ],
  });
  const failed = judgedAs("merge")(situation(SAFE, { claims: { tests_failed: 1 } }));
  expect(milderRungs(BALANCED, "merge", failed.known, "block")).toMatchObject({
    guards: ["not tests_failed: tests failed"],
    rungs: [
      { lacks: [], guards: 1 },
      { lacks: [], guards: 1 },
    ],
  });
  expect(severity("block")).toBe(4);
});

test("distance is 0 to itself, symmetric, at most 1, and null without a common factor", () => {
  const one = [0.2, null, 0.4, null, null];
  const two = [1, 1, 0.4, null, null];
  expect(distanceOf(one, one)).toBe(0);
  expect(distanceOf(one, two)).toBe(distanceOf(two, one));
  expect(distanceOf(one, two)).toBeCloseTo(Math.sqrt((0.2 * 0.8 ** 2) / 0.4), 12);
  expect(distanceOf(one, [null, 1, null, null, null])).toBeNull();
  expect(FACTORS.length).toBe(5);
});
