import { z } from "zod";
import { parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
import type { Emit } from "../../../kernel/store.ts";
import { ROLES, type PastVote, type Vote } from "../domain/votes.ts";

/** What the store offers for votes. */
export interface VoteTx {
  addVote(vote: Vote): Promise<void>;
  /** Votes on a decision in the order in which they were cast. */
  votesOn(decisionId: string): Promise<readonly Vote[]>;
  /** Decisions on a subject that somebody voted on, newest first. */
  votedOn(subject: string, limit: number): Promise<readonly string[]>;
  /**
   * What became of this voter's newest votes on other decisions, as far as it is known for good: outcomes by `attested`
   * and matured by `now`. Votes that somebody else attested count as little as such outcomes.
   */
  pastVotes(identity: string, attested: "self" | "token", now: number): Promise<readonly PastVote[]>;
}

/** Votes of one voter that are looked at. */
const LEARNED_FROM = 200;

const VoteRow = z
  .object({
    decision_id: z.string(),
    identity: z.string(),
    voter: z.string(),
    role: z.enum(ROLES),
    score: z.number(),
    veto: z.int(),
    abstain: z.int(),
    rationale: z.string(),
    attested: z.enum(["self", "token"]),
    at: z.int(),
  })
  .transform(({ decision_id, veto, abstain, ...row }) => ({
    ...row,
    decisionId: decision_id,
    veto: veto === 1,
    abstain: abstain === 1,
  }));
const PastRow = z
  .object({ score: z.number(), went_well: z.int() })
  .transform(({ score, went_well }) => ({ score, wentWell: went_well === 1 }));

const toVote = (row: Row): Vote => parseRow(VoteRow, row);

export function bindVotes(sql: Sql, emit: Emit): VoteTx {
  return {
    async addVote(vote) {
      sql.run(
        `INSERT INTO vote (decision_id, identity, voter, role, score, veto, abstain, rationale, attested, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        vote.decisionId,
        vote.identity,
        vote.voter,
        vote.role,
        vote.score,
        vote.veto ? 1 : 0,
        vote.abstain ? 1 : 0,
        vote.rationale,
        vote.attested,
        vote.at,
      );
      emit({
        type: "vote.cast",
        subject: vote.decisionId,
        data: {
          identity: vote.identity,
          role: vote.role,
          score: vote.abstain ? null : vote.score,
          veto: vote.veto,
          abstain: vote.abstain,
          attested: vote.attested,
        },
      });
    },
    async votesOn(decisionId) {
      return sql
        .all("SELECT * FROM vote WHERE decision_id = ? ORDER BY at, identity", decisionId)
        .map(toVote);
    },
    async votedOn(subject, limit) {
      return sql
        .all(
          `SELECT id FROM decision WHERE json_extract(body, '$.subject') = ?
             AND EXISTS (SELECT 1 FROM vote WHERE decision_id = decision.id) ORDER BY id DESC LIMIT ?`,
          subject,
          limit,
        )
        .map((row) => String(row["id"]));
    },
    async pastVotes(identity, attested, now) {
      return sql
        .all(
          // The lesson of a decision is the version of its outcome that counts.
          `SELECT v.score AS score, 1 - l.label AS went_well
           FROM vote v JOIN lesson l ON l.id = v.decision_id
           WHERE v.identity = ?1 AND v.abstain = 0 AND (?2 = 'self' OR (v.attested = 'token' AND l.attested = 'token'))
             AND l.due <= ?3
           ORDER BY v.at DESC LIMIT ?4`,
          identity,
          attested,
          now,
          LEARNED_FROM,
        )
        .map((row) => parseRow(PastRow, row));
    },
  };
}
