interface Fact {
  /** Shares lie in 0..1, ratios are numbers from 0, counts whole numbers from 0, flags 0 or 1. */
  readonly kind: "share" | "ratio" | "count" | "flag";
  readonly riskier: "lower" | "higher";
  /** Who can know it. null: nobody in Slipway, so it stays unknown until a caller claims it. */
  readonly producer: string | null;
}

/** What a caller may claim. */
export const FACTS = {
  /** Share of the changed lines that tests run. */
  coverage: { kind: "share", riskier: "lower", producer: "run_tests with coverage" },
  test_failure_rate: { kind: "share", riskier: "higher", producer: "run_tests, and the acceptance of a run" },
  tests_failed: { kind: "count", riskier: "higher", producer: "run_tests" },
  protected_tests_touched: {
    kind: "count",
    riskier: "higher",
    producer: "the acceptance of a run (protect globs)",
  },
  /** 0 trivial, 1 as complex as it gets. */
  complexity: { kind: "share", riskier: "higher", producer: "assess_risk" },
  dependencies_changed: { kind: "count", riskier: "higher", producer: "assess_risk" },
  /** How many files or components depend on what changes. */
  impact_radius: { kind: "count", riskier: "higher", producer: "find_impact" },
  /** 1 never broke, 0 always breaks. */
  historical_stability: { kind: "share", riskier: "lower", producer: "assess_risk" },
  breaking_api_changes: { kind: "count", riskier: "higher", producer: "assess_risk" },
  secrets_found: { kind: "count", riskier: "higher", producer: "a scanner of the caller" },
  security_vulnerability_detected: {
    kind: "count",
    riskier: "higher",
    producer: "a scanner of the caller",
  },
  production_outage: { kind: "flag", riskier: "higher", producer: null },
  data_loss_risk: { kind: "flag", riskier: "higher", producer: null },
  legal_compliance_issue: { kind: "flag", riskier: "higher", producer: null },
  /** The risk of a deploy; `decide` knows at least the assessed one. */
  deployment_risk_score: { kind: "share", riskier: "higher", producer: "decide, for a deploy" },
  /** How much slower than before: .5 takes half as long again, 1 twice as long. */
  performance_degradation: { kind: "ratio", riskier: "higher", producer: "a benchmark of the caller" },
  code_review_disagreement: { kind: "flag", riskier: "higher", producer: "decide, from earlier votes" },
  architectural_decision_needed: { kind: "flag", riskier: "higher", producer: "the agent at work" },
  unfamiliar_technology_stack: { kind: "flag", riskier: "higher", producer: "the agent at work" },
  edge_case_uncertainty: { kind: "flag", riskier: "higher", producer: "the agent at work" },
} as const satisfies Readonly<Record<string, Fact>>;

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
  "security_vulnerability_detected",
  "production_outage",
  "data_loss_risk",
  "legal_compliance_issue",
  "deployment_risk_score",
  "performance_degradation",
  "code_review_disagreement",
  "architectural_decision_needed",
  "unfamiliar_technology_stack",
  "edge_case_uncertainty",
];

/** What the server itself knows of a decision, by the names that rules use. */
export const DERIVED = {
  risk: "the assessment's risk, 0..1",
  confidence: "as the caller gave it, lowered where outcomes speak against it; else .5",
  critical: "1 where the caller says so",
  known_weight: "share of the risk's weights that is known, 0..1",
  risk_cut: "the highest risk that the budget lets go on alone; unknown where the past shows none",
  budget_used: "1 where too much of what went on alone ended badly for the budget",
  policy_touched: "1 where the change touches the policy in force, or the slipway.yaml that names it",
} as const;

/** Every number that a rule may ask for. */
export const NUMBER_NAMES: readonly string[] = [...FACT_NAMES, ...Object.keys(DERIVED)];

/** Whether a value is one that the fact can have: finite, in range, and whole where it counts. */
export function isPossible(name: FactName, value: number): boolean {
  switch (FACTS[name].kind) {
    case "share":
      return value >= 0 && value <= 1;
    case "ratio":
      return Number.isFinite(value) && value >= 0;
    case "flag":
      return value === 0 || value === 1;
    case "count":
      return Number.isSafeInteger(value) && value >= 0;
  }
}

/** What a fact may be, in words. */
export function rangeOf(name: FactName): string {
  switch (FACTS[name].kind) {
    case "share":
      return "a number from 0 to 1";
    case "ratio":
      return "a number from 0";
    case "flag":
      return "true or false";
    case "count":
      return "a whole number from 0";
  }
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
