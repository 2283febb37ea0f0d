import { toIso, type Clock } from "../../../kernel/clock.ts";
import { openDatabase } from "../../../kernel/sqlite/open.ts";
import type { Sql } from "../../../kernel/sqlite/database.ts";
import { storeOver, type Emit } from "../../../kernel/store.ts";
import type { DecisionStore, DecisionTx } from "./decision-store.ts";
import {
  toApproval,
  toAssessment,
  toDecision,
  toLesson,
  toOutcome,
  toPastFactors,
  toPolicy,
} from "./rows.ts";
import { bindEscalations } from "./escalations.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import { bindModels } from "./models.ts";
import { bindVotes } from "./votes.ts";

/** Changes that a used-up budget is judged by. */
const WENT_ALONE = 200;
const NEXT_TURN = "UPDATE lesson_turn SET turn = turn + 1";

/** Opens the decision store at a path, or in memory for ":memory:". The caller closes it. */
export function openDecisionStore(path: string, clock: Clock): DecisionStore {
  return storeOver(
    openDatabase({ path, applicationId: APPLICATION_ID, migrations: MIGRATIONS }),
    clock,
    bindDecisions,
  );
}

function bindDecisions(sql: Sql, emit: Emit): DecisionTx {
  return {
    ...bindEscalations(sql, emit),
    ...bindVotes(sql, emit),
    ...bindModels(sql, emit),
    async addAssessment(assessment) {
      const { id, at, result, model, range } = assessment;
      sql.run("INSERT INTO assessment (id, at, body) VALUES (?, ?, ?)", id, at, JSON.stringify(assessment));
      emit({
        type: "risk.assessed",
        subject: id,
        data: {
          action: assessment.action,
          risk: result.risk,
          level: result.level,
          basis: result.basis,
          model: `${model.name}@${model.version}`,
          head: range?.head ?? null,
        },
      });
    },
    async findAssessment(id) {
      const row = sql.get("SELECT body FROM assessment WHERE id = ?", id);
      return row === undefined ? undefined : toAssessment(row);
    },
    async keepPolicy(version, policy, now) {
      sql.run(
        "INSERT OR IGNORE INTO policy (version, at, body) VALUES (?, ?, ?)",
        version,
        now,
        JSON.stringify(policy),
      );
      const before = sql.get("SELECT version FROM policy_in_force")?.["version"];
      if (before === version) return;
      sql.run("INSERT OR REPLACE INTO policy_in_force (one, version, at) VALUES (1, ?, ?)", version, now);
      emit({
        type: "policy.changed",
        subject: version,
        data: { from: before === undefined ? null : String(before), to: version },
      });
    },
    async findPolicy(version) {
      const row = sql.get("SELECT body FROM policy WHERE version = ?", version);
      return row === undefined ? undefined : toPolicy(row);
    },
    async addDecision(decision) {
      const { id, action, at, assessmentId, policyVersion, verdict } = decision;
      sql.run(
        "INSERT INTO decision (id, action, at, assessment_id, policy_version, factors, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
        id,
        action,
        at,
        assessmentId,
        policyVersion,
        JSON.stringify(decision.result.factors.map((factor) => factor.value)),
        JSON.stringify(decision),
      );
      emit({
        type: "decision.made",
        subject: id,
        data: {
          action,
          verdict,
          subject: decision.subject,
          assessment_id: assessmentId,
          risk: decision.result.risk,
          rules_fired: decision.rulesFired,
          policy_version: policyVersion,
          approval_id: decision.approvalId,
        },
      });
    },
    async findDecision(id) {
      const row = sql.get("SELECT body FROM decision WHERE id = ?", id);
      return row === undefined ? undefined : toDecision(row);
    },
    async pastDecisions(before, limit) {
      return sql
        .all("SELECT body FROM decision WHERE id < ? ORDER BY id DESC LIMIT ?", before, limit)
        .map(toDecision);
    },
    async pastFactors(action, before, limit) {
      return sql
        .all(
          "SELECT id, factors FROM decision WHERE action = ? AND at < ? ORDER BY at DESC, id DESC LIMIT ?",
          action,
          before,
          limit,
        )
        .map(toPastFactors);
    },
    async addApproval(approval) {
      sql.run(
        `INSERT INTO approval (id, digest, decision_id, action, subject, status, requested_by, requested_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        approval.id,
        approval.digest,
        approval.decisionId,
        approval.action,
        approval.subject,
        approval.status,
        approval.requestedBy,
        approval.requestedAt,
        approval.expiresAt,
      );
      emit({
        type: "approval.requested",
        subject: approval.id,
        data: {
          digest: approval.digest,
          decision_id: approval.decisionId,
          requested_by: approval.requestedBy,
          action: approval.action,
          expires_at: toIso(approval.expiresAt),
        },
      });
    },
    async findApproval(id) {
      const row = sql.get("SELECT * FROM approval WHERE id = ?", id);
      return row === undefined ? undefined : toApproval(row);
    },
    async approvalsOf(digest) {
      return sql
        .all("SELECT * FROM approval WHERE digest = ? ORDER BY requested_at DESC, id DESC", digest)
        .map(toApproval);
    },
    async pendingApprovals(limit) {
      return sql
        .all("SELECT * FROM approval WHERE status = 'pending' ORDER BY requested_at, id LIMIT ?", limit)
        .map(toApproval);
    },
    async saveApproval(approval) {
      const { id, status, expiresAt, answeredBy, channel, answeredAt, usedAt } = approval;
      const before = sql.get("SELECT status, used_at FROM approval WHERE id = ?", id);
      sql.run(
        "UPDATE approval SET status = ?, expires_at = ?, answered_by = ?, channel = ?, answered_at = ?, used_at = ? WHERE id = ?",
        status,
        expiresAt,
        answeredBy,
        channel,
        answeredAt,
        usedAt,
        id,
      );
      if (usedAt !== null && before?.["used_at"] === null)
        emit({
          type: "approval.used",
          subject: id,
          data: { digest: approval.digest, decision_id: approval.decisionId },
        });
      if (before?.["status"] === status) return;
      if (status === "expired")
        emit({ type: "approval.expired", subject: id, data: { digest: approval.digest } });
      else
        emit({
          type: "approval.answered",
          subject: id,
          data: { digest: approval.digest, status, by: answeredBy, channel },
        });
    },
    async expireApprovals(now) {
      const due = sql.all(
        "SELECT * FROM approval WHERE used_at IS NULL AND status <> 'expired' AND expires_at <= ? LIMIT 500",
        now,
      );
      for (const approval of due.map(toApproval)) await this.saveApproval({ ...approval, status: "expired" });
    },
    async addOutcome(outcome) {
      sql.run(
        `INSERT INTO outcome (decision_id, version, outcome, source, attested, principal, at, recorded_at, matures_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        outcome.decisionId,
        outcome.version,
        outcome.outcome,
        outcome.source,
        outcome.attested,
        outcome.principal,
        outcome.at,
        outcome.recordedAt,
        outcome.maturesAt,
      );
      emit({
        type: "outcome.recorded",
        subject: outcome.decisionId,
        data: {
          outcome: outcome.outcome,
          version: outcome.version,
          source: outcome.source,
          attested: outcome.attested,
          at: toIso(outcome.at),
          matures_at: outcome.maturesAt === null ? null : toIso(outcome.maturesAt),
        },
      });
    },
    async noteRefusal({ what, subject, code, reason }) {
      emit({ type: "access.denied", subject, data: { what, code, reason } });
    },
    async outcomesOf(decisionId) {
      return sql
        .all("SELECT * FROM outcome WHERE decision_id = ? ORDER BY version", decisionId)
        .map(toOutcome);
    },
    async setLesson(id, lesson, now) {
      sql.run(NEXT_TURN);
      sql.run("DELETE FROM lesson WHERE id = ?", id);
      if (lesson === null) return;
      const { principal, action, attested, stated, risk, verdict, model, metrics, at, due, label } = lesson;
      sql.run(
        `INSERT INTO lesson (id, principal, action, attested, stated, risk, verdict, model, metrics, at, due, label, changed_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        id,
        principal,
        action,
        attested,
        stated,
        risk,
        verdict,
        model,
        metrics === null ? null : JSON.stringify(metrics),
        at,
        due,
        label,
        now,
      );
    },
    async dropMined() {
      sql.run(NEXT_TURN);
      sql.run("DELETE FROM lesson WHERE attested = 'mined'");
    },
    async lessons({ now, principal, action, with: needed, limit, skip = 0 }) {
      const rows = sql.all(
        `SELECT * FROM lesson WHERE due <= ? AND (? IS NULL OR principal = ?) AND (? IS NULL OR action = ?)
         AND ${needed} IS NOT NULL ORDER BY due DESC, id DESC LIMIT ? OFFSET ?`,
        now,
        principal ?? null,
        principal ?? null,
        action ?? null,
        action ?? null,
        limit,
        skip,
      );
      return rows.map(toLesson).reverse();
    },
    async lessonCount(now) {
      const row = sql.get(
        "SELECT turn, (SELECT COUNT(*) FROM lesson WHERE due <= ? AND metrics IS NOT NULL) AS count FROM lesson_turn",
        now,
      );
      const count = Number(row?.["count"] ?? 0);
      return { count, mark: `${String(row?.["turn"])}/${count}` };
    },
    async wentAlone(now) {
      const row = sql.get(
        `SELECT COUNT(*) AS changes, COALESCE(SUM(label), 0) AS bad FROM (
           SELECT label FROM lesson WHERE verdict IN ('auto_proceed', 'proceed_with_monitoring') AND due <= ?
           ORDER BY at DESC LIMIT ?)`,
        now,
        WENT_ALONE,
      );
      return { changes: Number(row?.["changes"] ?? 0), bad: Number(row?.["bad"] ?? 0) };
    },
  };
}
