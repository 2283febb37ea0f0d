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
import { bindVotes } from "./votes.ts";

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
      const before = sql.get("SELECT status FROM approval WHERE id = ?", id)?.["status"];
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
      if (before === status) return;
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
      sql.run("DELETE FROM lesson WHERE id = ?", id);
      if (lesson === null) return;
      const { principal, action, attested, stated, risk, verdict, metrics, at, due, label } = lesson;
      sql.run(
        `INSERT INTO lesson (id, principal, action, attested, stated, risk, verdict, metrics, at, due, label, changed_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        id,
        principal,
        action,
        attested,
        stated,
        risk,
        verdict,
        metrics === null ? null : JSON.stringify(metrics),
        at,
        due,
        label,
        now,
      );
    },
    async dropMined() {
      sql.run("DELETE FROM lesson WHERE attested = 'mined'");
    },
    async lessons({ now, principal, action, with: needed, limit }) {
      const rows = sql.all(
        `SELECT * FROM lesson WHERE due <= ? AND (? IS NULL OR principal = ?) AND (? IS NULL OR action = ?)
         AND ${needed} IS NOT NULL ORDER BY due DESC, id DESC LIMIT ?`,
        now,
        principal ?? null,
        principal ?? null,
        action ?? null,
        action ?? null,
        limit,
      );
      return rows.map(toLesson).reverse();
    },
    async lessonCount(now) {
      const row = sql.get(
        "SELECT COUNT(*) AS count, MAX(changed_at) AS changed FROM lesson WHERE due <= ? AND metrics IS NOT NULL",
        now,
      );
      const count = Number(row?.["count"] ?? 0);
      return { count, mark: `${count}@${String(row?.["changed"] ?? 0)}` };
    },
    async heldAt() {
      const row = sql.get("SELECT labels FROM model_hold");
      return row === undefined ? null : Number(row["labels"]);
    },
    async hold(labels, now) {
      sql.run("DELETE FROM model_hold");
      if (labels !== null) sql.run("INSERT INTO model_hold (one, labels, at) VALUES (1, ?, ?)", labels, now);
    },
    async putInForce({ name, version, trained_on }, evidence, now) {
      const before = sql.get("SELECT name, version FROM model_in_force");
      if (before?.["version"] === version && before["name"] === name) return;
      sql.run(
        "INSERT OR REPLACE INTO model_in_force (one, name, version, at) VALUES (1, ?, ?, ?)",
        name,
        version,
        now,
      );
      if ((before?.["name"] ?? "weighted_formula") === name) return;
      emit({
        type: "model.promoted",
        subject: name,
        data: {
          from: String(before?.["name"] ?? "weighted_formula"),
          to: name,
          version,
          trained_on,
          ...evidence,
        },
      });
    },
  };
}
