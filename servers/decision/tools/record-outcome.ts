import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import type { DecisionDeps } from "../deps.ts";
import { atTime } from "../domain/approval.ts";
import { countedOf, maturesAt, OUTCOMES, type OutcomeRecord } from "../domain/outcome.ts";
import type { DecisionTx, LessonRecord, StoredDecision } from "../store/decision-store.ts";
import { decisionId, idempotencyKey, mustFindDecision } from "./fields.ts";

/** Clocks of two machines may differ by this much. */
const CLOCK_SKEW_MS = 300_000;

export const recordOutcome = defineTool({
  name: "record_outcome",
  title: "Record what became of a decision",
  description:
    "Records how a decided change turned out; a later call with another outcome corrects it. A success counts 90 days after the decision.",
  input: z.object({
    decision_id: decisionId,
    outcome: z.enum(OUTCOMES),
    source: z.string().min(1).max(100).describe("ci, revert, incident, human …"),
    at: z.iso.datetime().optional().describe("default: now"),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({
    matures_at: z.string().nullable(),
    learned: z.boolean(),
    version: z.number(),
    corrected: z.string().optional(),
    attested: z.enum(["self", "token"]),
  }),
  annotations: WRITES,
  run({ decision_id, outcome, source, at }, { store, clock }: DecisionDeps, call) {
    return store.answer(call, async (tx) => {
      const now = clock();
      const decision = await mustFindDecision(tx, decision_id);
      const happenedAt = momentOf(at, decision, now);
      const versions = await tx.outcomesOf(decision.id);
      const last = versions.at(-1);
      const attested = attestation(call);
      const isRepeat =
        last?.outcome === outcome &&
        last.source === source &&
        (last.attested === attested || last.attested === "token") &&
        (at === undefined || last.at === happenedAt);
      const record: OutcomeRecord = isRepeat
        ? last
        : {
            decisionId: decision.id,
            version: (last?.version ?? 0) + 1,
            outcome,
            source,
            attested,
            principal: call.principal.id,
            at: happenedAt,
            recordedAt: now,
            maturesAt: maturesAt(outcome, decision.at, happenedAt),
          };
      if (!isRepeat) await tx.addOutcome(record);
      const counted = countedOf(isRepeat ? versions : [...versions, record]) ?? record;
      await tx.setLesson(decision.id, await lessonOf(tx, decision, counted), now);
      await spendApproval(tx, decision, now);
      return {
        matures_at: counted.maturesAt === null ? null : toIso(counted.maturesAt),
        learned: counted.maturesAt !== null && counted.maturesAt <= now,
        version: record.version,
        ...correction(last, record, counted),
        attested: record.attested,
      };
    });
  },
});

/** What a report changed, or that it changed nothing. */
function correction(
  last: OutcomeRecord | undefined,
  record: OutcomeRecord,
  counted: OutcomeRecord,
): { readonly corrected?: string } {
  if (counted !== record && counted.outcome !== record.outcome)
    return {
      corrected: `nothing: the ${counted.outcome} of version ${counted.version} keeps counting, and only a token's report replaces it`,
    };
  return last === undefined || last.outcome === record.outcome ? {} : { corrected: last.outcome };
}

function momentOf(at: string | undefined, decision: StoredDecision, now: number): number {
  if (at === undefined) return Math.max(now, decision.at);
  const moment = Date.parse(at);
  if (moment > now + CLOCK_SKEW_MS || moment < decision.at - CLOCK_SKEW_MS) {
    throw new DomainError("invalid", "at lies in the future or before the decision", {
      hint: "give the time at which the outcome was seen, in UTC",
    });
  }
  return moment;
}

/** Only a token over HTTP names somebody; a local process is whoever it says it is. */
function attestation(call: Call): "self" | "token" {
  return call.principal.channel === "http" ? "token" : "self";
}

/** What a model or a calibration can learn of it; null where the outcome is not known. */
async function lessonOf(
  tx: DecisionTx,
  decision: StoredDecision,
  { outcome, maturesAt: due, attested }: OutcomeRecord,
): Promise<LessonRecord | null> {
  if (due === null) return null;
  const assessment = await tx.findAssessment(decision.assessmentId);
  return {
    id: decision.id,
    action: decision.action,
    principal: decision.principal,
    attested,
    stated: decision.confidenceFrom === "claimed" ? (decision.known["stated_confidence"] ?? null) : null,
    risk: decision.result.risk,
    verdict: decision.verdict,
    model: assessment?.model.name ?? null,
    metrics: assessment?.metrics ?? null,
    at: decision.at,
    // Outcomes may be told of at another machine's time; none is due before its decision.
    due: Math.max(due, decision.at),
    label: outcome === "success" ? 0 : 1,
  };
}

/** What was approved has been done: the approval allows nothing more. */
async function spendApproval(tx: DecisionTx, decision: StoredDecision, now: number): Promise<void> {
  const approval = decision.approvalId === null ? undefined : await tx.findApproval(decision.approvalId);
  if (approval === undefined || approval.usedAt !== null || atTime(approval, now).status !== "approved")
    return;
  await tx.saveApproval({ ...approval, usedAt: now });
}
