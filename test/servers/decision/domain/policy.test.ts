import fc from "fast-check";
import { expect, test } from "vitest";
import type { Known } from "../../../../servers/decision/domain/expression.ts";
import {
  applyPolicy,
  severity,
  type Action,
  type Verdict,
} from "../../../../servers/decision/domain/policy.ts";
import { BALANCED, CLASSIC } from "../policies.ts";

const good = { risk: 0.1, confidence: 0.95, critical: 0, known_weight: 1, risk_cut: 0.3 };

test.each<[verdict: Verdict, action: Action, known: Known]>([
  ["auto_proceed", "merge", good],
  ["proceed_with_monitoring", "merge", { ...good, confidence: 0.9 }],
  ["proceed_with_monitoring", "merge", { ...good, risk: 0.2 }],
  ["request_review", "merge", { ...good, confidence: 0.7 }],
  ["request_review", "merge", { ...good, risk: 0.4 }],
  ["request_review", "merge", { ...good, confidence: null }],
  ["require_human", "merge", { ...good, critical: 1 }],
])("both policies say %s to a %s that knows %j", (verdict, action, known) => {
  expect(applyPolicy(CLASSIC, action, known).verdict).toBe(verdict);
  expect(applyPolicy(BALANCED, action, known).verdict).toBe(verdict);
});

test.each<[verdict: Verdict, rule: string, action: Action, known: Known]>([
  ["block", "tests_failed", "merge", { ...good, tests_failed: 1 }],
  ["block", "test_failure_rate", "deploy", { ...good, test_failure_rate: 0.01 }],
  ["auto_proceed", "low_risk", "plan", { ...good, tests_failed: 1 }],
  ["require_human", "many_tests_fail", "plan", { ...good, test_failure_rate: 0.21 }],
  ["block", "protected_tests_touched", "merge", { ...good, protected_tests_touched: 1, critical: 1 }],
  ["block", "secrets_found", "command", { ...good, secrets_found: 2 }],
  ["require_human", "breaking_api_changes", "merge", { ...good, breaking_api_changes: 1 }],
  ["require_human", "deploy_untested", "deploy", good],
  ["auto_proceed", "low_risk", "deploy", { ...good, test_failure_rate: 0 }],
  ["require_human", "tests_failed_unknown", "merge", { ...good, tests_failed: null }],
  ["request_review", "otherwise", "merge", { ...good, risk: 1 }],
  ["request_review", "thin_evidence", "merge", { ...good, known_weight: 0.49 }],
])("balanced says %s by %s to a %s that knows %j", (verdict, rule, action, known) => {
  const outcome = applyPolicy(BALANCED, action, known);
  expect(outcome.verdict).toBe(verdict);
  expect(outcome.rulesFired[0]).toBe(rule);
  expect(outcome.reasons.length).toBeGreaterThan(0);
});

test.each<[verdict: Verdict, rule: string, known: Known]>([
  ["auto_proceed", "low_risk", { ...good, risk_cut: 0.1 }],
  ["request_review", "budget_exceeded", { ...good, risk_cut: 0.0999 }],
  ["proceed_with_monitoring", "budget_unproven", { ...good, risk_cut: null }],
  ["proceed_with_monitoring", "moderate_risk", { ...good, confidence: 0.8, risk_cut: null }],
  ["require_human", "budget_used_up", { ...good, budget_used: 1 }],
  ["require_human", "budget_used_up", { ...good, confidence: 0.8, budget_used: 1 }],
  // What waits for somebody already waits no longer for that.
  ["request_review", "otherwise", { ...good, confidence: 0.5, budget_used: 1 }],
  ["block", "tests_failed", { ...good, tests_failed: 1, budget_used: 1 }],
])("the risk budget of balanced: %s by %s for %j", (verdict, rule, known) => {
  const outcome = applyPolicy(BALANCED, "merge", known);
  expect(outcome).toMatchObject({ verdict, rulesFired: expect.arrayContaining([rule]) });
  expect(outcome.rulesFired[0]).toBe(rule);
});

test("a change of the policy waits for a person under every policy", () => {
  for (const policy of [CLASSIC, BALANCED])
    expect(applyPolicy(policy, "merge", { ...good, policy_touched: 1 })).toMatchObject({
      verdict: "require_human",
      rulesFired: expect.arrayContaining(["policy_touched"]),
    });
});

test("the strictest rule wins, and milder ones that fired are still named", () => {
  const outcome = applyPolicy(BALANCED, "merge", { ...good, critical: 1, tests_failed: 3 });
  expect(outcome).toEqual({
    verdict: "block",
    rulesFired: ["tests_failed", "critical", "low_risk"],
    reasons: ["tests failed"],
    triggers: [],
  });
});

test("more risk, less confidence or less knowledge never gives a milder verdict", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(
      share,
      share,
      share,
      share,
      fc.constantFrom("risk", "confidence", "known_weight"),
      (risk, confidence, weight, by, worse) => {
        const known: Record<string, number> = { risk, confidence, known_weight: weight, critical: 0 };
        const before = known[worse] ?? 0;
        const after = { ...known, [worse]: worse === "risk" ? before + (1 - before) * by : before * by };
        expect(severity(applyPolicy(BALANCED, "merge", after).verdict)).toBeGreaterThanOrEqual(
          severity(applyPolicy(BALANCED, "merge", known).verdict),
        );
      },
    ),
  );
});
