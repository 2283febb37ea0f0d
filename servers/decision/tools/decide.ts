import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import type { DecisionDeps } from "../deps.ts";
import { APPROVAL_TTL_MS, isLive } from "../domain/approval.ts";
import { budgetInWords, budgetState, type BudgetState } from "../domain/budget.ts";
import { riskierFacts, type Facts } from "../domain/facts.ts";
import { ACTIONS, VERDICTS, type Action, type ReadyPolicy } from "../domain/policy.ts";
import type { DecisionTx, StoredAssessment, StoredDecision } from "../store/decision-store.ts";
import { approvedAtHost, isApprovedAtHost } from "./asking.ts";
import { judgement, type Judgement } from "./judging.ts";
import { confidenceReader } from "./stated-confidence.ts";
import { approvalDigest, assess, hasFacts, UNMEASURED, versionOf } from "./assessing.ts";
import { raise } from "./escalating.ts";
import { factsInput, idempotencyKey, MOST_SHOWN, readFacts } from "./fields.ts";
import { tally } from "./voting.ts";

/** Earlier decisions on a subject whose votes are looked at. */
const VOTED = 20;

export const decide = defineTool({
  name: "decide",
  title: "Decide how to go on",
  description:
    "Gives a verdict on an assessed change by the policy. require_human opens an approval that only a person can answer (`slipway approve`); request_review asks for a second role.",
  input: z.object({
    action: z.enum(ACTIONS),
    assessment_id: z.string().max(60).optional(),
    facts: factsInput.optional().describe("as in assess_risk"),
    confidence: z.number().min(0).max(1).optional().describe("left out: 0.5, never automatic"),
    critical: z.boolean().optional(),
    subject: z.string().min(1).max(200).optional().describe("digest of what is decided on"),
    author: z.string().min(1).max(100).optional().describe("who did it; has no vote"),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({
    decision_id: z.string(),
    verdict: z.enum(VERDICTS),
    reasons: z.array(z.string()),
    rules_fired: z.array(z.string()),
    approval_id: z.string().optional(),
    policy_version: z.string(),
    escalations: z.array(z.string()).optional(),
    more: z.number().optional().describe("rules left out"),
  }),
  annotations: WRITES,
  core: true,
  async run(
    { action, assessment_id, facts: given, confidence, critical, subject, author },
    deps: DecisionDeps,
    call,
  ) {
    const { store, policies, clock, newId } = deps;
    const { facts, unread } = readFacts(given);
    const policy = await policies.current();
    const policyVersion = versionOf(policy.source);
    const judge = async (tx: DecisionTx, assessment: StoredAssessment): Promise<Judgement> =>
      judgement(policy, assessment, {
        reading:
          confidence === undefined
            ? null
            : (await confidenceReader(tx, call.principal.id, action, clock()))(confidence),
        budget: await budgetFor(tx, policy, assessment, clock()),
        isCritical: critical === true,
        isDisputed: await isDisputed(tx, subject ?? subjectOf(assessment), clock()),
      });
    const isApproved =
      policy.source.elicitation === true &&
      call.ask !== undefined &&
      (await store.read(async (tx) => {
        const assessment = await assessmentFor(tx, deps, call, action, assessment_id, facts);
        const { outcome } = await judge(tx, assessment);
        const about = subject ?? subjectOf(assessment);
        if (outcome.verdict !== "require_human" || about === null) return false;
        const digest = approvalDigest(action, about, policyVersion, critical === true, assessment);
        const isOpen = (await tx.approvalsOf(digest)).every(
          (approval) => !isLive(approval, clock()) || approval.status === "pending",
        );
        return isOpen && isApprovedAtHost(call, { digest, action, subject: about, reasons: outcome.reasons });
      }));
    return store.answer(call, async (tx) => {
      const now = clock();
      const assessment = await assessmentFor(tx, deps, call, action, assessment_id, facts);
      if (assessment.id !== assessment_id) await tx.addAssessment(assessment);
      const id = newId("dec");
      const { known, outcome, reading, budget } = await judge(tx, assessment);
      const reasons = [
        ...outcome.reasons,
        ...(budget === null ? [] : [budgetInWords(budget)]),
        ...(confidence === undefined ? ["no confidence was given: 0.5 is assumed"] : []),
        ...(reading === null || reading.confidence === confidence
          ? []
          : [
              `confidence ${confidence} counts as ${reading.confidence.toFixed(3)}: so it turned out in ${reading.outcomes} decisions`,
            ]),
        ...(assessment.result.basis === "claimed"
          ? ["nothing was measured: this rests on your facts alone"]
          : []),
        ...(unread.length === 0 ? [] : [`no rule reads these facts: ${unread.slice(0, 5).join(", ")}`]),
      ];
      const about = subject ?? subjectOf(assessment) ?? id;
      const approvalId =
        outcome.verdict === "require_human"
          ? await approvalFor(
              tx,
              approvalDigest(action, about, policyVersion, critical === true, assessment),
              now,
              newId,
            )
          : null;
      const decision: StoredDecision = {
        id,
        action,
        subject: about,
        assessmentId: assessment.id,
        result: assessment.result,
        known,
        confidenceFrom: confidence === undefined ? "default" : "claimed",
        budget,
        verdict: outcome.verdict,
        rulesFired: outcome.rulesFired,
        reasons,
        policyVersion,
        approvalId: approvalId?.id ?? null,
        authors: [author, assessment.range?.author, ...(assessment.range?.authors ?? [])].filter(
          (name) => name !== undefined,
        ),
        principal: call.principal.id,
        at: now,
      };
      await tx.keepPolicy(policyVersion, policy.source, now);
      await tx.addDecision(decision);
      if (approvalId?.isNew === true) await openApproval(tx, decision, approvalId.id, approvalId.digest);
      const pending = approvalId === null ? undefined : await tx.findApproval(approvalId.id);
      if (isApproved && pending?.status === "pending")
        await tx.saveApproval(approvedAtHost(pending, call, now));
      const escalations: string[] = [];
      for (const { rule, tier, because } of outcome.triggers) {
        const alarm = { rule, tier, reason: because, subject: about, decisionId: id, by: call.principal.id };
        escalations.push((await raise(tx, deps, alarm)).escalation.id);
      }
      return {
        decision_id: id,
        verdict: outcome.verdict,
        // What stands at the end is about the whole; the reasons of the policy are cut first.
        reasons: [...outcome.reasons.slice(0, MOST_SHOWN), ...reasons.slice(outcome.reasons.length)],
        rules_fired: outcome.rulesFired.slice(0, MOST_SHOWN),
        ...(approvalId === null ? {} : { approval_id: approvalId.id }),
        policy_version: policyVersion,
        ...(escalations.length === 0 ? {} : { escalations: escalations.slice(0, MOST_SHOWN) }),
        ...(outcome.rulesFired.length <= MOST_SHOWN ? {} : { more: outcome.rulesFired.length - MOST_SHOWN }),
      };
    });
  },
});

/** Where the policy's budget stands. What was only claimed, or judged by another model, is proven by no past. */
async function budgetFor(
  tx: DecisionTx,
  { source }: ReadyPolicy,
  { model, result }: StoredAssessment,
  now: number,
): Promise<BudgetState | null> {
  if (source.budget === undefined) return null;
  const inForce = await tx.inForce();
  const isComparable = result.basis === "measured" && inForce?.name === model.name;
  return budgetState(source.budget, isComparable ? inForce.curve : null, await tx.wentAlone(now));
}

/** Whether those who voted on the same subject before did not agree. */
async function isDisputed(tx: DecisionTx, subject: string | null, now: number): Promise<boolean> {
  if (subject === null) return false;
  for (const id of await tx.votedOn(subject, VOTED)) {
    const { dissent, vetoes } = await tally(tx, id, now);
    if (dissent || vetoes.length > 0) return true;
  }
  return false;
}

/** The assessment that is named, or one of it and the facts, not stored yet. */
async function assessmentFor(
  tx: DecisionTx,
  { clock, newId }: DecisionDeps,
  call: Call,
  action: Action,
  id: string | undefined,
  facts: Facts,
): Promise<StoredAssessment> {
  const found = id === undefined ? undefined : await tx.findAssessment(id);
  if (id !== undefined && found === undefined) {
    throw new DomainError("not_found", "there is no such assessment", {
      hint: "use the assessment_id that assess_risk returned",
    });
  }
  if (found !== undefined && found.action !== action) {
    throw new DomainError("invalid", `this assessment is about a ${found.action}, not a ${action}`, {
      hint: "assess the action you are about to take",
    });
  }
  if (found !== undefined && !hasFacts(facts)) return found;
  if (found === undefined && !hasFacts(facts)) {
    throw new DomainError("invalid", "there is nothing to decide on", {
      hint: "give an assessment_id, or facts",
    });
  }
  return assess({
    ...(found ?? UNMEASURED),
    id: newId("rsk"),
    action,
    claims: riskierFacts(found?.claims ?? {}, facts),
    principal: call.principal.id,
    at: clock(),
  });
}

/** A measured range names itself; without one every decision is about itself, and shares no approval. */
function subjectOf({ range }: StoredAssessment): string | null {
  return range === null ? null : `${range.base ?? ""}..${range.head}`;
}

interface ApprovalHandle {
  readonly id: string;
  readonly digest: string;
  readonly isNew: boolean;
}

/** The approval already open, given or refused for this digest, or a new id. A refusal holds as long as an approval. */
async function approvalFor(
  tx: DecisionTx,
  digest: string,
  now: number,
  newId: DecisionDeps["newId"],
): Promise<ApprovalHandle> {
  await tx.expireApprovals(now);
  const live = (await tx.approvalsOf(digest)).find((approval) => isLive(approval, now));
  return live === undefined
    ? { id: newId("apr"), digest, isNew: true }
    : { id: live.id, digest, isNew: false };
}

function openApproval(tx: DecisionTx, decision: StoredDecision, id: string, digest: string): Promise<void> {
  return tx.addApproval({
    id,
    digest,
    decisionId: decision.id,
    action: decision.action,
    subject: decision.subject,
    status: "pending",
    requestedBy: decision.principal,
    requestedAt: decision.at,
    expiresAt: decision.at + APPROVAL_TTL_MS,
    answeredBy: null,
    channel: null,
    answeredAt: null,
    usedAt: null,
  });
}
