import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import type { DecisionDeps } from "../deps.ts";
import { budgetInWords } from "../domain/budget.ts";
import { counterfactualOf, distanceOf, riskCounterfactualOf } from "../domain/explain.ts";
import { countedOf } from "../domain/outcome.ts";
import { milderRungs } from "../domain/policy.ts";
import type { DecisionTx, StoredDecision } from "../store/decision-store.ts";
import { decisionId, mustFindDecision } from "./fields.ts";

/** Past decisions searched, and how many of them are shown. */
const SEARCHED = 500;
const SHOWN = 3;

export const explainDecision = defineTool({
  name: "explain_decision",
  title: "Explain a decision",
  description:
    "Shows why a decision came out as it did: facts, rules, each factor's part of the risk, similar past decisions, and what would have changed it.",
  input: z.object({ decision_id: decisionId }),
  output: z.object({
    decision_id: z.string(),
    verdict: z.string(),
    trace: z.looseObject({}),
    contributions: z.array(z.looseObject({})).describe("sum to trace.risk"),
    precedents: z.array(z.looseObject({})),
    counterfactual: z.looseObject({}).nullable(),
    alternatives: z.array(z.looseObject({})),
    outcomes: z.array(z.looseObject({})),
  }),
  annotations: READS,
  run({ decision_id }, { store, policies }: DecisionDeps) {
    return store.read(async (tx) => {
      const decision = await mustFindDecision(tx, decision_id);
      const kept = await tx.findPolicy(decision.policyVersion);
      const policy = kept === undefined ? await policies.current() : await policies.prepare(kept);
      const assessment = await tx.findAssessment(decision.assessmentId);
      const decided = {
        action: decision.action,
        known: decision.known,
        verdict: decision.verdict,
        factors: decision.result.factors,
      };
      const isLearned = (assessment?.learned ?? null) !== null;
      const counterfactual = (isLearned ? riskCounterfactualOf : counterfactualOf)(policy, decided);
      const { confidence, critical, risk, known_weight, risk_cut, budget_used, ...facts } = decision.known;
      return {
        decision_id,
        verdict: decision.verdict,
        trace: {
          action: decision.action,
          subject: decision.subject,
          at: toIso(decision.at),
          principal: decision.principal,
          assessment_id: decision.assessmentId,
          ...(assessment === undefined
            ? {}
            : { model: assessment.model, range: assessment.range, digest: assessment.digest }),
          basis: decision.result.basis,
          risk,
          interval: decision.result.interval,
          level: decision.result.level,
          known_weight,
          confidence,
          confidence_from: decision.confidenceFrom,
          critical: critical === 1,
          ...(decision.budget === null
            ? {}
            : {
                budget: { ...decision.budget, words: budgetInWords(decision.budget), risk_cut, budget_used },
              }),
          facts,
          rules_fired: decision.rulesFired,
          reasons: decision.reasons,
          policy_version: decision.policyVersion,
          ...(decision.approvalId === null ? {} : { approval_id: decision.approvalId }),
        },
        contributions: decision.result.factors.map((factor) => ({ ...factor })),
        precedents: await precedentsOf(tx, decision),
        counterfactual: counterfactual === null ? null : { ...counterfactual },
        alternatives: milderRungs(policy, decided.action, decided.known, decided.verdict).map(
          ({ verdict, lacks }) => ({
            verdict,
            lacks: [...lacks],
          }),
        ),
        outcomes: (await tx.outcomesOf(decision.id)).slice(-5).map((outcome) => ({
          outcome: outcome.outcome,
          version: outcome.version,
          source: outcome.source,
          attested: outcome.attested,
          at: toIso(outcome.at),
        })),
      };
    });
  },
});

/** The nearest decisions made before this one, with what became of them. */
async function precedentsOf(
  tx: DecisionTx,
  decision: StoredDecision,
): Promise<{ decision_id: string; [key: string]: unknown }[]> {
  const mine = decision.result.factors.map((factor) => factor.value);
  const nearest = (await tx.pastFactors(decision.action, decision.at, SEARCHED))
    .flatMap(({ id, values }) => {
      const distance = distanceOf(mine, values);
      return distance === null ? [] : [{ id, distance }];
    })
    .sort((a, b) => a.distance - b.distance)
    .slice(0, SHOWN);
  const shown = [];
  for (const { id, distance } of nearest) {
    const past = await mustFindDecision(tx, id);
    const outcome = countedOf(await tx.outcomesOf(id))?.outcome ?? null;
    shown.push({
      decision_id: id,
      verdict: past.verdict,
      risk: past.result.risk,
      distance,
      outcome,
      at: toIso(past.at),
    });
  }
  return shown;
}
