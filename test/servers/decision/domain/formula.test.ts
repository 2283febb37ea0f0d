import fc from "fast-check";
import { expect, test } from "vitest";
import {
  claimedReadings,
  FACTORS,
  measuredReadings,
  saturate,
  type Readings,
} from "../../../../servers/decision/domain/factors.ts";
import { FACT_NAMES, FACTS, riskierFacts, type Facts } from "../../../../servers/decision/domain/facts.ts";
import { scoreRisk, WEIGHTS } from "../../../../servers/decision/domain/formula.ts";

const NOTHING = claimedReadings({});

const share = fc.double({ min: 0, max: 1, noNaN: true });
const reading = fc.option(share, { nil: null }).map((value) => ({ value, basis: "" }));
const readings: fc.Arbitrary<Readings> = fc.record({
  complexity: reading,
  test_coverage: reading,
  dependency_changes: reading,
  historical_stability: reading,
  impact_radius: reading,
});
const facts: fc.Arbitrary<Facts> = fc
  .tuple(
    ...FACT_NAMES.map((name) =>
      fc
        .option(FACTS[name].kind === "share" ? share : fc.integer({ min: 0, max: 1000 }), { nil: undefined })
        .map((value) => [name, value] as const),
    ),
  )
  .map((entries) => Object.fromEntries(entries));
const factor = fc.constantFrom(...FACTORS);

const of = (values: Partial<Record<(typeof FACTORS)[number], number>>): Readings => ({
  complexity: { value: values.complexity ?? null, basis: "" },
  test_coverage: { value: values.test_coverage ?? null, basis: "" },
  dependency_changes: { value: values.dependency_changes ?? null, basis: "" },
  historical_stability: { value: values.historical_stability ?? null, basis: "" },
  impact_radius: { value: values.impact_radius ?? null, basis: "" },
});

test("weights add up to one and are those of the formula", () => {
  expect(WEIGHTS).toEqual({
    complexity: 0.2,
    test_coverage: 0.3,
    dependency_changes: 0.2,
    historical_stability: 0.15,
    impact_radius: 0.15,
  });
  expect(Object.values(WEIGHTS).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
});

test("with everything known the risk is the weighted sum, and the interval is a point", () => {
  const result = scoreRisk(
    of({
      complexity: 0.5,
      test_coverage: 0.2,
      dependency_changes: 0.1,
      historical_stability: 0.4,
      impact_radius: 0.6,
    }),
    NOTHING,
  );
  expect(result.risk).toBeCloseTo(0.2 * 0.5 + 0.3 * 0.2 + 0.2 * 0.1 + 0.15 * 0.4 + 0.15 * 0.6, 12);
  expect(result.interval[0]).toBeCloseTo(result.risk, 12);
  expect(result.interval[1]).toBeCloseTo(result.risk, 12);
  expect(result.level).toBe("medium");
});

test("an unknown factor is neither zero nor one: its weight goes to the others and widens the interval", () => {
  const result = scoreRisk(
    of({ complexity: 0.5, dependency_changes: 0.5, historical_stability: 0.5, impact_radius: 0.5 }),
    NOTHING,
  );
  expect(result.risk).toBeCloseTo(0.5, 12);
  expect(result.interval[0]).toBeCloseTo(0.35, 12);
  expect(result.interval[1]).toBeCloseTo(0.65, 12);
  expect(result.factors[1]).toMatchObject({
    name: "test_coverage",
    value: null,
    contribution: 0,
    known: false,
  });
});

test("with nothing known the risk is one half and the interval everything", () => {
  const result = scoreRisk(of({}), NOTHING);
  expect(result.risk).toBeCloseTo(0.5, 12);
  expect(result.interval).toEqual([0, 1]);
  expect(result.knownWeight).toBe(0);
});

test("claims alone run through the plain formula, and the answer says that they are claims", () => {
  const claims = claimedReadings({
    coverage: 0.9,
    complexity: 0.2,
    dependencies_changed: 0,
    impact_radius: 0,
    historical_stability: 1,
  });
  const result = scoreRisk(null, claims);
  expect(result.risk).toBeCloseTo(0.2 * 0.2 + 0.3 * 0.1, 12);
  expect(result.basis).toBe("claimed");
});

test("perfect coverage claimed beside a measurement lowers nothing, bad coverage raises", () => {
  const measured = of({ complexity: 0.6, dependency_changes: 0.6, impact_radius: 0.6 });
  const without = scoreRisk(measured, NOTHING);
  const rosy = scoreRisk(measured, claimedReadings({ coverage: 1, complexity: 0 }));
  expect(rosy.risk).toBe(without.risk);
  expect(rosy.interval).toEqual(without.interval);
  expect(rosy.ignored).toEqual(["complexity", "test_coverage"]);
  const bad = scoreRisk(measured, claimedReadings({ coverage: 0 }));
  expect(bad.risk).toBeGreaterThan(without.risk);
  expect(bad.factors[1]).toMatchObject({ known: true, source: "claimed", value: 1 });
});

test("contributions sum to the risk, which lies in its interval in 0..1", () => {
  fc.assert(
    fc.property(fc.option(readings, { nil: null }), facts, (measured, given) => {
      const { risk, interval, factors } = scoreRisk(measured, claimedReadings(given));
      expect(Math.abs(factors.reduce((sum, each) => sum + each.contribution, 0) - risk)).toBeLessThanOrEqual(
        1e-9,
      );
      expect(interval[0]).toBeLessThanOrEqual(risk + 1e-9);
      expect(interval[1]).toBeGreaterThanOrEqual(risk - 1e-9);
      expect(interval[0] >= 0 && interval[1] <= 1 && risk >= 0 && risk <= 1).toBe(true);
    }),
  );
});

test("raising a known factor never lowers the risk", () => {
  fc.assert(
    fc.property(readings, facts, factor, share, (measured, given, name, up) => {
      const value = measured[name].value;
      fc.pre(value !== null);
      const claims = claimedReadings(given);
      const raised = { ...measured, [name]: { value: value + (1 - value) * up, basis: "" } };
      expect(scoreRisk(raised, claims).risk).toBeGreaterThanOrEqual(scoreRisk(measured, claims).risk - 1e-12);
    }),
  );
});

test("a factor becoming unknown never lowers the upper end of the interval, and never raises the lower", () => {
  fc.assert(
    fc.property(readings, factor, (measured, name) => {
      const before = scoreRisk(measured, NOTHING).interval;
      const after = scoreRisk({ ...measured, [name]: { value: null, basis: "" } }, NOTHING).interval;
      expect(after[1]).toBeGreaterThanOrEqual(before[1] - 1e-12);
      expect(after[0]).toBeLessThanOrEqual(before[0] + 1e-12);
    }),
  );
});

test("no claim, and no further claim, ever lowers a measured risk or either end of its interval", () => {
  fc.assert(
    fc.property(readings, facts, facts, (measured, first, second) => {
      fc.pre(FACTORS.some((name) => measured[name].value !== null));
      const results = [{}, first, riskierFacts(first, second)].map((given) =>
        scoreRisk(measured, claimedReadings(given)),
      );
      for (const [index, after] of results.entries()) {
        const before = results[index - 1];
        if (before === undefined) continue;
        expect(after.risk).toBeGreaterThanOrEqual(before.risk - 1e-12);
        expect(after.interval[0]).toBeGreaterThanOrEqual(before.interval[0] - 1e-12);
        expect(after.interval[1]).toBeGreaterThanOrEqual(before.interval[1] - 1e-12);
      }
    }),
    { numRuns: 500 },
  );
});

test("larger metrics never make a factor safer", () => {
  const base = {
    ns: 1,
    nd: 2,
    nf: 3,
    entropy: 1,
    la: 10,
    ld: 5,
    lt: 100,
    fix: 0,
    ndev: 2,
    age: 3,
    nuc: 4,
    exp: 5,
    rexp: 1,
    sexp: 2,
  } as const;
  fc.assert(
    fc.property(
      fc.constantFrom("nd", "nf", "la", "ld", "nuc", "ndev"),
      fc.nat(10_000),
      fc.nat(5),
      (name, more, manifests) => {
        const small = scoreRisk(measuredReadings(base, manifests, null), NOTHING).risk;
        const large = scoreRisk(
          measuredReadings({ ...base, [name]: base[name] + more }, manifests, null),
          NOTHING,
        ).risk;
        expect(large).toBeGreaterThanOrEqual(small - 1e-12);
      },
    ),
  );
});

test("saturation reaches one half at its half point", () => {
  expect(saturate(200, 200)).toBe(0.5);
  expect(saturate(0, 3)).toBe(0);
});
