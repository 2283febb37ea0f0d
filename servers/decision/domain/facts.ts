/** What a caller may claim. Shares lie in 0..1, counts are whole numbers from 0. */
export const FACTS = {
  /** Share of the changed lines that tests run. */
  coverage: { kind: "share", riskier: "lower" },
  test_failure_rate: { kind: "share", riskier: "higher" },
  tests_failed: { kind: "count", riskier: "higher" },
  protected_tests_touched: { kind: "count", riskier: "higher" },
  /** 0 trivial, 1 as complex as it gets. */
  complexity: { kind: "share", riskier: "higher" },
  dependencies_changed: { kind: "count", riskier: "higher" },
  /** How many files or components depend on what changes. */
  impact_radius: { kind: "count", riskier: "higher" },
  /** 1 never broke, 0 always breaks. */
  historical_stability: { kind: "share", riskier: "lower" },
  breaking_api_changes: { kind: "count", riskier: "higher" },
  secrets_found: { kind: "count", riskier: "higher" },
} as const satisfies Readonly<
  Record<string, { readonly kind: "share" | "count"; readonly riskier: "lower" | "higher" }>
>;

export type FactName = keyof typeof FACTS;

/** A number is a claim, null says "looked at and not known", a missing name was never looked at. */
export type Facts = { readonly [K in FactName]?: number | null | undefined };

export const FACT_NAMES: readonly FactName[] = [
  "coverage",
  "test_failure_rate",
  "tests_failed",
  "protected_tests_touched",
  "complexity",
  "dependencies_changed",
  "impact_radius",
  "historical_stability",
  "breaking_api_changes",
  "secrets_found",
];

/** Whether a value is one that the fact can have: finite, in range, and whole where it counts. */
export function isPossible(name: FactName, value: number): boolean {
  if (FACTS[name].kind === "share") return value >= 0 && value <= 1;
  return Number.isSafeInteger(value) && value >= 0;
}

/** Both sets of claims; where they differ the riskier one holds, so that a later claim never undoes an earlier one. */
export function riskierFacts(a: Facts, b: Facts): Facts {
  return Object.fromEntries(
    FACT_NAMES.filter((name) => a[name] !== undefined || b[name] !== undefined).map((name) => [
      name,
      riskier(name, a[name], b[name]),
    ]),
  );
}

function riskier(name: FactName, a: number | null | undefined, b: number | null | undefined): number | null {
  if (a === null || a === undefined) return b ?? null;
  if (b === null || b === undefined) return a;
  return FACTS[name].riskier === "higher" ? Math.max(a, b) : Math.min(a, b);
}
