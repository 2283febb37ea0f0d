import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
import type { Emit } from "../../../kernel/store.ts";
import { escalationAt, type Escalation } from "../domain/escalation.ts";
import { TIERS } from "../domain/policy.ts";

/** What the store offers for escalations. Raising, re-raising and acknowledging record their events. */
export interface EscalationTx {
  addEscalation(escalation: Escalation): Promise<void>;
  /** Keeps a change; tells of it where it is acknowledged, or where it became more urgent. */
  saveEscalation(escalation: Escalation): Promise<void>;
  findEscalation(id: string): Promise<Escalation | undefined>;
  /** The newest of this key. */
  escalationOf(key: string): Promise<Escalation | undefined>;
  /** Open ones first, then the most urgent, then the nearest deadline; `after` is the id the last page ended with. */
  escalations(state: "open" | "acknowledged" | undefined, limit: number): Promise<readonly Escalation[]>;
  /** Whether a deadline has passed that nobody was told of yet. */
  hasOverdue(now: number): Promise<boolean>;
  /** Makes the overdue more urgent. */
  escalateOverdue(now: number): Promise<void>;
}

const EscalationRow = z
  .object({
    id: z.string(),
    key: z.string(),
    subject: z.string(),
    reason: z.string(),
    rule: z.string().nullable(),
    decision_id: z.string().nullable(),
    tier: z.enum(TIERS),
    state: z.enum(["open", "acknowledged"]),
    raised_by: z.string(),
    raised_at: z.int(),
    deadline: z.int(),
    times: z.int(),
    missed: z.int(),
    acknowledged_by: z.string().nullable(),
    channel: z.string().nullable(),
    acknowledged_at: z.int().nullable(),
  })
  .transform((row) => ({
    id: row.id,
    key: row.key,
    subject: row.subject,
    reason: row.reason,
    rule: row.rule,
    decisionId: row.decision_id,
    tier: row.tier,
    state: row.state,
    raisedBy: row.raised_by,
    raisedAt: row.raised_at,
    deadline: row.deadline,
    times: row.times,
    missed: row.missed,
    acknowledgedBy: row.acknowledged_by,
    channel: row.channel,
    acknowledgedAt: row.acknowledged_at,
  }));

const toEscalation = (row: Row): Escalation => parseRow(EscalationRow, row);

const OVERDUE = "FROM escalation WHERE state = 'open' AND deadline <= ?";

export function bindEscalations(sql: Sql, emit: Emit): EscalationTx {
  const tell = (escalation: Escalation): void =>
    emit({
      type: "escalation.raised",
      subject: escalation.id,
      data: {
        about: escalation.subject,
        reason: escalation.reason,
        rule: escalation.rule,
        decision_id: escalation.decisionId,
        tier: escalation.tier,
        deadline: toIso(escalation.deadline),
        missed: escalation.missed,
      },
    });
  return {
    async addEscalation(escalation) {
      sql.run(
        `INSERT INTO escalation (id, key, subject, reason, rule, decision_id, tier, state, raised_by, raised_at, deadline, times, missed)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        escalation.id,
        escalation.key,
        escalation.subject,
        escalation.reason,
        escalation.rule,
        escalation.decisionId,
        escalation.tier,
        escalation.state,
        escalation.raisedBy,
        escalation.raisedAt,
        escalation.deadline,
        escalation.times,
        escalation.missed,
      );
      tell(escalation);
    },
    async saveEscalation(escalation) {
      const before = await this.findEscalation(escalation.id);
      sql.run(
        "UPDATE escalation SET tier = ?, state = ?, deadline = ?, times = ?, missed = ?, acknowledged_by = ?, channel = ?, acknowledged_at = ? WHERE id = ?",
        escalation.tier,
        escalation.state,
        escalation.deadline,
        escalation.times,
        escalation.missed,
        escalation.acknowledgedBy,
        escalation.channel,
        escalation.acknowledgedAt,
        escalation.id,
      );
      if (escalation.state === "acknowledged" && before?.state !== "acknowledged")
        emit({
          type: "escalation.acknowledged",
          subject: escalation.id,
          data: { by: escalation.acknowledgedBy, channel: escalation.channel, missed: escalation.missed },
        });
      else if (before?.tier !== escalation.tier || before.missed !== escalation.missed) tell(escalation);
    },
    async findEscalation(id) {
      const row = sql.get("SELECT * FROM escalation WHERE id = ?", id);
      return row === undefined ? undefined : toEscalation(row);
    },
    async escalationOf(key) {
      const row = sql.get("SELECT * FROM escalation WHERE key = ? ORDER BY id DESC LIMIT 1", key);
      return row === undefined ? undefined : toEscalation(row);
    },
    async escalations(state, limit) {
      return sql
        .all(
          `SELECT * FROM escalation WHERE ?1 IS NULL OR state = ?1
           ORDER BY state DESC, CASE tier WHEN 'immediate' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, deadline, id LIMIT ?2`,
          state ?? null,
          limit,
        )
        .map(toEscalation);
    },
    async hasOverdue(now) {
      return sql.get(`SELECT 1 AS found ${OVERDUE} LIMIT 1`, now) !== undefined;
    },
    async escalateOverdue(now) {
      const due = sql.all(`SELECT * ${OVERDUE} LIMIT 500`, now).map(toEscalation);
      for (const escalation of due) await this.saveEscalation(escalationAt(escalation, now));
    },
  };
}
