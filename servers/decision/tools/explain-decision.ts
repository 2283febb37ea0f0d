import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { oneLine } from "../../../kernel/text.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import type { DecisionToolDeps } from "../deps.ts";
import { budgetInWords } from "../domain/budget.ts";
import { distanceOf } from "../domain/precedents.ts";
import { countedOf } from "../domain/outcome.ts";
import { counterfactualOf, type Counterfactual, type Situation } from "../domain/counterfactual.ts";
import { scored, type Learned } from "../domain/learned-risk.ts";
import type { LearnedRisk } from "../domain/learning/living-model.ts";
import { milderRungs, type ReadyPolicy } from "../domain/policy.ts";
import type { CurrentModel } from "../store/current-model.ts";
import type { DecisionTx, StoredAssessment, StoredDecision } from "../store/decision-store.ts";
import { decisionId, MOST_SHOWN, mustFindDecision } from "./fields.ts";
import { judgement, UNKNOWN_CONFIDENCE } from "./judging.ts";
import { confidenceReader } from "./stated-confidence.ts";

/** Past decisions searched, and how many of them are shown. */
const SEARCHED = 10_000;
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
  async run({ decision_id }, { store, policies, clock, models }: DecisionToolDeps) {
    const isLearned = await store.read(async (tx) => {
      const { assessmentId } = await mustFindDecision(tx, decision_id);
      return ((await tx.findAssessment(assessmentId))?.learned ?? null) !== null;
    });
    const model = isLearned ? await models.current(store, clock()) : null;
    return store.read(async (tx) => {
      const decision = await mustFindDecision(tx, decision_id);
      const kept = await tx.findPolicy(decision.policyVersion);
      const policy = kept === undefined ? await policies.current() : await policies.prepare(kept);
      const assessment = await tx.findAssessment(decision.assessmentId);
      const counterfactual =
        assessment === undefined ? null : await flipOf(tx, decision, assessment, policy, model);
      const milder = milderRungs(policy, decision.action, decision.known, decision.verdict);
      const { confidence, critical, risk, known_weight, risk_cut, budget_used, ...facts } = decision.known;
      return {
        decision_id,
        verdict: decision.verdict,
        trace: {
          action: decision.action,
          subject: oneLine(decision.subject, 200),
          at: toIso(decision.at),
          principal: decision.principal,
          assessment_id: decision.assessmentId,
          ...(assessment === undefined
            ? {}
            : { model: assessment.model, range: rangeOf(assessment), digest: assessment.digest }),
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
          rules_fired: decision.rulesFired.slice(0, MOST_SHOWN),
          reasons: decision.reasons.slice(0, MOST_SHOWN),
          ...(decision.rulesFired.length <= MOST_SHOWN
            ? {}
            : { more: decision.rulesFired.length - MOST_SHOWN }),
          // Named once: `guards` of an alternative says how many of them, from the first, stand above it.
          ...(milder.guards.length === 0 ? {} : { guards: milder.guards.slice(0, MOST_SHOWN) }),
          policy_version: decision.policyVersion,
          ...(decision.approvalId === null ? {} : { approval_id: decision.approvalId }),
        },
        contributions: decision.result.factors.map((factor) => ({ ...factor })),
        precedents: await precedentsOf(tx, decision),
        counterfactual: counterfactual === null ? null : { ...counterfactual },
        alternatives: milder.rungs.slice(0, MOST_SHOWN).map(({ verdict, lacks, guards }) => ({
          verdict,
          lacks: lacks.slice(0, MOST_SHOWN),
          ...(guards === 0 ? {} : { guards }),
        })),
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

function rangeOf({ range }: StoredAssessment): { repo: string; base: string | null; head: string } | null {
  return range === null ? null : { repo: oneLine(range.repo, 300), base: range.base, head: range.head };
}

/** What would have changed a verdict, judged as `decide` judges. */
async function flipOf(
  tx: DecisionTx,
  decision: StoredDecision,
  assessment: StoredAssessment,
  policy: ReadyPolicy,
  model: CurrentModel | null,
): Promise<Counterfactual | null> {
  const { action, policyTouched, learned, metrics } = assessment;
  const { known, budget } = decision;
  const isSame =
    model?.named.version === assessment.model.version && model.named.name === assessment.model.name;
  const stated = decision.confidenceFrom === "claimed" ? (known["stated_confidence"] ?? null) : null;
  const read = await confidenceReader(tx, decision.principal, action, decision.at);
  const situation: Situation = {
    claims: {
      ...assessment.claims,
      ...(known["code_review_disagreement"] === 1 ? { code_review_disagreement: 1 } : {}),
    },
    measured: assessment.measured,
    // Another model would say something else: then the change itself is not varied.
    metrics: learned !== null && isSame ? metrics : null,
    confidence: stated ?? UNKNOWN_CONFIDENCE,
    isCritical: known["critical"] === 1,
  };
  const said = new Map<string, LearnedRisk | null>();
  const learnedOf = (one: Situation): Learned | null => {
    if (learned === null || one.metrics === null || one.metrics === situation.metrics) return learned;
    const key = `${one.metrics.la}/${one.metrics.nf}`;
    const risk = said.get(key) ?? model?.judge(one.metrics) ?? null;
    said.set(key, risk);
    return risk === null ? learned : { ...learned, risk };
  };
  return counterfactualOf(policy, action, situation, (one) => {
    const result = scored(one.measured, one.claims, learnedOf(one));
    const reading =
      one.confidence === situation.confidence
        ? stated === null
          ? null
          : { stated, confidence: known["confidence"] ?? stated, outcomes: 0 }
        : read(one.confidence);
    const about = { action, claims: one.claims, result, policyTouched };
    return judgement(policy, about, { reading, budget, isCritical: one.isCritical, isDisputed: false })
      .outcome.verdict;
  });
}

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
