/** Verdicts from the mildest to the strictest. */
export const VERDICTS = [
  "auto_proceed",
  "proceed_with_monitoring",
  "request_review",
  "require_human",
  "block",
] as const;
export type Verdict = (typeof VERDICTS)[number];

export const ACTIONS = ["merge", "deploy", "command", "plan"] as const;
export type Action = (typeof ACTIONS)[number];

/**
 * What rules may ask about, by name: risk, confidence, critical (0 or 1), known_weight and the caller's facts.
 * null says "looked at and not known", a missing name was never looked at.
 */
export type Known = Readonly<Record<string, number | null | undefined>>;

/** `unknown` holds for null only, `missing` for null and for what was never looked at. */
export type Condition =
  | { readonly fact: string; readonly op: ">" | ">=" | "<" | "<="; readonly than: number }
  | { readonly fact: string; readonly op: "unknown" | "missing" };

export interface Rule {
  readonly id: string;
  /** Left out: every action. */
  readonly actions?: readonly Action[];
  /** All of them must hold. A comparison with something unknown does not hold. */
  readonly when: readonly Condition[];
  readonly verdict: Verdict;
  /** Why, in words for a person. */
  readonly because: string;
}

/**
 * A decision table as data: every guard that fires counts and the strictest wins; the ladder gives its first match,
 * else `otherwise`. The verdict is the stricter of the two.
 */
export interface Policy {
  readonly name: string;
  readonly guards: readonly Rule[];
  readonly ladder: readonly Rule[];
  readonly otherwise: Rule;
}

const CRITICAL: Rule = {
  id: "critical",
  when: [{ fact: "critical", op: ">", than: 0 }],
  verdict: "require_human",
  because: "the change is marked critical",
};

const LADDER: readonly Rule[] = [
  {
    id: "low_risk",
    when: [
      { fact: "confidence", op: ">", than: 0.9 },
      { fact: "risk", op: "<", than: 0.2 },
    ],
    verdict: "auto_proceed",
    because: "confidence is above 0.9 and risk below 0.2",
  },
  {
    id: "moderate_risk",
    when: [
      { fact: "confidence", op: ">", than: 0.7 },
      { fact: "risk", op: "<", than: 0.4 },
    ],
    verdict: "proceed_with_monitoring",
    because: "confidence is above 0.7 and risk below 0.4",
  },
];

const OTHERWISE: Rule = {
  id: "otherwise",
  when: [],
  verdict: "request_review",
  because: "risk is too high, or confidence too low, to go on alone",
};

/**
 * The bare decision tree.
 * Source: the project's design draft; of its two figures for monitoring (.4 and .5) the stricter one.
 */
export const CLASSIC: Policy = { name: "classic", guards: [CRITICAL], ladder: LADDER, otherwise: OTHERWISE };

/** Facts whose being unknown a person has to weigh. */
const CRITICAL_FACTS = [
  "test_failure_rate",
  "tests_failed",
  "protected_tests_touched",
  "secrets_found",
  "breaking_api_changes",
] as const;

/** The tree behind guards: failed tests, touched protected tests and found secrets block, whatever the risk. */
export const BALANCED: Policy = {
  name: "balanced",
  guards: [
    CRITICAL,
    {
      id: "tests_failed",
      actions: ["merge", "deploy"],
      when: [{ fact: "tests_failed", op: ">", than: 0 }],
      verdict: "block",
      because: "tests failed",
    },
    {
      id: "test_failure_rate",
      actions: ["merge", "deploy"],
      when: [{ fact: "test_failure_rate", op: ">", than: 0 }],
      verdict: "block",
      because: "some tests fail",
    },
    {
      // Source: the design draft's escalation rule, test_failure_rate > 20 %.
      id: "many_tests_fail",
      when: [{ fact: "test_failure_rate", op: ">", than: 0.2 }],
      verdict: "require_human",
      because: "more than a fifth of the tests fail",
    },
    {
      id: "protected_tests_touched",
      when: [{ fact: "protected_tests_touched", op: ">", than: 0 }],
      verdict: "block",
      because: "protected tests were changed",
    },
    {
      id: "secrets_found",
      when: [{ fact: "secrets_found", op: ">", than: 0 }],
      verdict: "block",
      because: "secrets were found in the change",
    },
    {
      id: "breaking_api_changes",
      when: [{ fact: "breaking_api_changes", op: ">", than: 0 }],
      verdict: "require_human",
      because: "the change breaks an interface that others use",
    },
    {
      id: "deploy_untested",
      actions: ["deploy"],
      when: [{ fact: "test_failure_rate", op: "missing" }],
      verdict: "require_human",
      because: "nobody says whether the tests pass",
    },
    ...CRITICAL_FACTS.map((fact): Rule => ({
      id: `${fact}_unknown`,
      when: [{ fact, op: "unknown" }],
      verdict: "require_human",
      because: `${fact} is critical and not known`,
    })),
    {
      id: "thin_evidence",
      when: [{ fact: "known_weight", op: "<", than: 0.5 }],
      verdict: "request_review",
      because: "factors that make up less than half of the risk are known",
    },
  ],
  ladder: LADDER,
  otherwise: OTHERWISE,
};

export interface Outcome {
  readonly verdict: Verdict;
  /** The rules that gave the verdict, then milder ones that also fired. */
  readonly rulesFired: readonly string[];
  readonly reasons: readonly string[];
}

/** Applies a policy. Deterministic: the same knowledge always gives the same verdict. */
export function applyPolicy(policy: Policy, action: Action, known: Known): Outcome {
  const guards = policy.guards.filter(
    (rule) => appliesTo(rule, action) && rule.when.every((condition) => holds(condition, known)),
  );
  const rung =
    policy.ladder.find(
      (rule) => appliesTo(rule, action) && rule.when.every((condition) => holds(condition, known)),
    ) ?? policy.otherwise;
  const fired = [...guards, rung].sort((a, b) => severity(b.verdict) - severity(a.verdict));
  const verdict = fired[0]?.verdict ?? policy.otherwise.verdict;
  return {
    verdict,
    rulesFired: fired.map((rule) => rule.id),
    reasons: fired.filter((rule) => rule.verdict === verdict).map((rule) => rule.because),
  };
}

export function severity(verdict: Verdict): number {
  return VERDICTS.indexOf(verdict);
}

function appliesTo(rule: Rule, action: Action): boolean {
  return rule.actions === undefined || rule.actions.includes(action);
}

export function holds(condition: Condition, known: Known): boolean {
  const value = known[condition.fact];
  switch (condition.op) {
    case "unknown":
      return value === null;
    case "missing":
      return value === null || value === undefined;
    case ">":
      return typeof value === "number" && value > condition.than;
    case ">=":
      return typeof value === "number" && value >= condition.than;
    case "<":
      return typeof value === "number" && value < condition.than;
    case "<=":
      return typeof value === "number" && value <= condition.than;
  }
}
