import { z } from "zod";
import { parseRow, type Row } from "../../../kernel/sqlite/database.ts";
import type { Approval } from "../domain/approval.ts";
import { FACTORS } from "../domain/factors.ts";
import { OUTCOMES, type OutcomeRecord } from "../domain/outcome.ts";
import { ACTIONS, TIERS, VERDICTS, type Policy } from "../domain/policy.ts";
import type { LessonRecord, StoredAssessment, StoredDecision } from "./decision-store.ts";

const Reading = z.object({ value: z.number().nullable(), basis: z.string() });
const Readings = z.object({
  complexity: Reading,
  test_coverage: Reading,
  dependency_changes: Reading,
  historical_stability: Reading,
  impact_radius: Reading,
});

const count = z.number().nullable();
const Metrics = z.object({
  ns: z.number(),
  nd: z.number(),
  nf: z.number(),
  entropy: z.number(),
  la: count,
  ld: count,
  lt: count,
  fix: z.union([z.literal(0), z.literal(1)]),
  ndev: count,
  age: count,
  nuc: count,
  exp: count,
  rexp: count,
  sexp: count,
});

const Result = z.object({
  risk: z.number(),
  interval: z.tuple([z.number(), z.number()]),
  level: z.enum(["low", "medium", "high", "critical"]),
  factors: z.array(
    z.object({
      name: z.enum(FACTORS),
      value: z.number().nullable(),
      contribution: z.number(),
      known: z.boolean(),
      source: z.enum(["measured", "claimed", "unknown"]),
      basis: z.string(),
    }),
  ),
  knownWeight: z.number(),
  basis: z.enum(["measured", "claimed"]),
  ignored: z.array(z.enum(FACTORS)),
});

const Known = z.record(z.string(), z.number().nullable());

const AssessmentBody = z.object({
  id: z.string(),
  action: z.enum(ACTIONS),
  range: z
    .object({
      repo: z.string(),
      base: z.string().nullable(),
      head: z.string(),
      author: z.string().optional(),
      authors: z.array(z.string()).optional(),
    })
    .nullable(),
  metrics: Metrics.nullable(),
  measured: Readings.nullable(),
  claims: Known,
  model: z.object({ name: z.string(), version: z.string(), trained_on: z.string().default("nothing") }),
  learned: z
    .object({
      risk: z.object({
        p: z.number(),
        interval: z.tuple([z.number(), z.number()]),
        start: z.number(),
        parts: z.partialRecord(z.enum(FACTORS), z.number()),
      }),
      trust: z.enum(["full", "raise"]),
    })
    .nullable()
    .default(null),
  policyTouched: z.boolean().default(false),
  result: Result,
  digest: z.string(),
  principal: z.string(),
  at: z.int(),
});

const BudgetBody = z.object({
  rate: z.number(),
  allowance: z
    .object({ cut: z.number(), changes: z.number(), defects: z.number(), upperBound: z.number() })
    .nullable(),
  alone: z.object({ changes: z.number(), bad: z.number() }),
  isUsedUp: z.boolean(),
});

const DecisionBody = z.object({
  id: z.string(),
  action: z.enum(ACTIONS),
  subject: z.string(),
  assessmentId: z.string(),
  result: Result,
  known: Known,
  confidenceFrom: z.enum(["claimed", "default"]),
  // Decisions of before the budget had none.
  budget: BudgetBody.nullable().default(null),
  verdict: z.enum(VERDICTS),
  rulesFired: z.array(z.string()),
  reasons: z.array(z.string()),
  policyVersion: z.string(),
  approvalId: z.string().nullable(),
  // Decisions of before votes name none.
  authors: z.array(z.string()).default([]),
  principal: z.string(),
  at: z.int(),
});

const PastFactorsRow = z.object({ id: z.string(), factors: z.string() });
const FactorValues = z.array(z.number().nullable());

// Policies of before the rule language kept their conditions as a list.
const OldConditions = z
  .array(
    z.union([
      z.object({ fact: z.string(), op: z.enum([">", ">=", "<", "<="]), than: z.number() }),
      z.object({ fact: z.string(), op: z.enum(["unknown", "missing"]) }),
    ]),
  )
  .transform(
    (conditions) =>
      conditions
        .map((one) => ("than" in one ? `${one.fact} ${one.op} ${one.than}` : `${one.op}(${one.fact})`))
        .join(" && ") || "true",
  );
const RuleBody = z
  .object({
    id: z.string(),
    actions: z.array(z.enum(ACTIONS)).optional(),
    when: z.union([z.string(), OldConditions]),
    verdict: z.enum(VERDICTS),
    because: z.string(),
    critical: z.boolean().optional(),
    tier: z.enum(TIERS).optional(),
  })
  .transform(({ actions, critical, tier, ...rule }) => ({
    ...rule,
    ...(actions === undefined ? {} : { actions }),
    ...(critical === undefined ? {} : { critical }),
    ...(tier === undefined ? {} : { tier }),
  }));
const PolicyBody = z
  .object({
    name: z.string(),
    guards: z.array(RuleBody),
    ladder: z.array(RuleBody),
    otherwise: RuleBody,
    budget: z
      .object({
        baseShare: z.number(),
        rate: z.number(),
        beyond: z.enum(VERDICTS),
        unproven: z.enum(VERDICTS),
        usedUp: z.enum(VERDICTS),
      })
      .optional(),
    elicitation: z.boolean().optional(),
  })
  .transform(({ elicitation, budget, ...policy }) => ({
    ...policy,
    ...(budget === undefined ? {} : { budget }),
    ...(elicitation === undefined ? {} : { elicitation }),
  }));

const ApprovalRow = z
  .object({
    id: z.string(),
    digest: z.string(),
    decision_id: z.string(),
    action: z.string(),
    subject: z.string(),
    status: z.enum(["pending", "approved", "denied", "expired"]),
    requested_by: z.string(),
    requested_at: z.int(),
    expires_at: z.int(),
    answered_by: z.string().nullable(),
    channel: z.string().nullable(),
    answered_at: z.int().nullable(),
    used_at: z.int().nullable(),
  })
  .transform((row) => ({
    id: row.id,
    digest: row.digest,
    decisionId: row.decision_id,
    action: row.action,
    subject: row.subject,
    status: row.status,
    requestedBy: row.requested_by,
    requestedAt: row.requested_at,
    expiresAt: row.expires_at,
    answeredBy: row.answered_by,
    channel: row.channel,
    answeredAt: row.answered_at,
    usedAt: row.used_at,
  }));

const OutcomeRow = z
  .object({
    decision_id: z.string(),
    version: z.int(),
    outcome: z.enum(OUTCOMES),
    source: z.string(),
    attested: z.enum(["self", "token"]),
    principal: z.string(),
    at: z.int(),
    recorded_at: z.int(),
    matures_at: z.int().nullable(),
  })
  .transform((row) => ({
    decisionId: row.decision_id,
    version: row.version,
    outcome: row.outcome,
    source: row.source,
    attested: row.attested,
    principal: row.principal,
    at: row.at,
    recordedAt: row.recorded_at,
    maturesAt: row.matures_at,
  }));

const LessonMetrics = z.object({
  ...Metrics.shape,
  ns: count,
  nd: count,
  nf: count,
  entropy: count,
  fix: count,
});
const Lesson = z.object({
  id: z.string(),
  principal: z.string(),
  action: z.enum(ACTIONS).nullable(),
  attested: z.enum(["self", "token", "mined"]),
  stated: z.number().nullable(),
  risk: z.number().nullable(),
  verdict: z.enum(VERDICTS).nullable(),
  model: z.string().nullable(),
  at: z.int(),
  due: z.int(),
  label: z.union([z.literal(0), z.literal(1)]),
});
const KeptLessons = z.array(z.object({ ...Lesson.shape, metrics: LessonMetrics.nullable() }));
const LessonRow = z.object({ ...Lesson.shape, metrics: z.string().nullable() }).transform((row) => ({
  ...row,
  metrics: row.metrics === null ? null : LessonMetrics.parse(JSON.parse(row.metrics)),
}));

function bodyOf(row: Row): unknown {
  return JSON.parse(String(row["body"]));
}

export const toAssessment = (row: Row): StoredAssessment => AssessmentBody.parse(bodyOf(row));
export const toDecision = (row: Row): StoredDecision => DecisionBody.parse(bodyOf(row));
export function toPastFactors(row: Row): {
  readonly id: string;
  readonly values: z.output<typeof FactorValues>;
} {
  const { id, factors } = parseRow(PastFactorsRow, row);
  return { id, values: FactorValues.parse(JSON.parse(factors)) };
}
export const toPolicy = (row: Row): Policy => PolicyBody.parse(bodyOf(row));
export const toApproval = (row: Row): Approval => parseRow(ApprovalRow, row);
export const toLesson = (row: Row): LessonRecord => parseRow(LessonRow, row);
export const toKeptLessons = (text: string): readonly LessonRecord[] => KeptLessons.parse(JSON.parse(text));
export const toOutcome = (row: Row): OutcomeRecord => parseRow(OutcomeRow, row);
