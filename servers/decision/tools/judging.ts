import { budgetFacts, type BudgetState } from "../domain/budget.ts";
import type { Known } from "../domain/expression.ts";
import { applyPolicy, type Outcome, type ReadyPolicy } from "../domain/policy.ts";
import type { StoredAssessment } from "../store/decision-store.ts";
import type { ReadConfidence } from "./stated-confidence.ts";

/** Stands in for a confidence nobody gave: too low for any rule that lets an agent go on alone. */
export const UNKNOWN_CONFIDENCE = 0.5;

/** What is known beside the assessment. */
export interface Circumstances {
  readonly reading: ReadConfidence | null;
  readonly budget: BudgetState | null;
  readonly isCritical: boolean;
  /** Earlier votes on the same subject did not agree, or one of them was a veto. */
  readonly isDisputed: boolean;
}

export interface Judgement extends Circumstances {
  readonly known: Known;
  readonly outcome: Outcome;
}

/** What the policy says to an assessment, and all that it was told. */
export function judgement(
  policy: ReadyPolicy,
  {
    action,
    claims,
    result,
    policyTouched,
  }: Pick<StoredAssessment, "action" | "claims" | "result" | "policyTouched">,
  circumstances: Circumstances,
): Judgement {
  const { reading, budget, isCritical, isDisputed } = circumstances;
  const known: Known = {
    ...claims,
    ...(isDisputed ? { code_review_disagreement: 1 } : {}),
    risk: result.risk,
    known_weight: result.knownWeight,
    confidence: reading?.confidence ?? UNKNOWN_CONFIDENCE,
    ...(reading === null ? {} : { stated_confidence: reading.stated }),
    critical: isCritical ? 1 : 0,
    ...(budget === null ? {} : budgetFacts(budget)),
    ...(policyTouched ? { policy_touched: 1 } : {}),
    ...(action === "deploy"
      ? { deployment_risk_score: Math.max(result.risk, claims.deployment_risk_score ?? 0) }
      : {}),
  };
  return { ...circumstances, known, outcome: applyPolicy(policy, action, known) };
}
