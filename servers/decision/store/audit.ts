import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { DomainError } from "../../../kernel/errors.ts";
import { verifyEvents } from "../../../kernel/events.ts";
import { isCutShort } from "../../../kernel/sqlite/database.ts";
import type { Head } from "../domain/audit.ts";

/** What the audit of one log found. */
export interface Audited {
  /** How far the log reaches; null for an empty one. */
  readonly head: Pick<Head, "seq" | "hash"> | null;
  /** One line each; empty where all is well. */
  readonly problems: readonly string[];
}

/** State that its events do not tell of, and events whose state is gone. Each yields the ids. */
const CONTRADICTIONS: readonly (readonly [what: string, sql: string])[] = [
  [
    "the verdict differs from the log's",
    `SELECT id FROM decision d WHERE NOT EXISTS (SELECT 1 FROM event WHERE subject = d.id AND type = 'decision.made'
       AND json_extract(data, '$.verdict') = json_extract(d.body, '$.verdict'))`,
  ],
  [
    "the answer is not in the log",
    `SELECT id FROM approval a WHERE a.answered_by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM event WHERE subject = a.id
       AND type = 'approval.answered' AND json_extract(data, '$.by') = a.answered_by
       AND json_extract(data, '$.digest') = a.digest AND (a.status = 'expired' OR json_extract(data, '$.status') = a.status))`,
  ],
  [
    "what it asks differs from the log's",
    `SELECT id FROM approval a WHERE NOT EXISTS (SELECT 1 FROM event WHERE subject = a.id AND type = 'approval.requested'
       AND json_extract(data, '$.digest') = a.digest AND json_extract(data, '$.decision_id') = a.decision_id
       AND json_extract(data, '$.action') = a.action
       AND coalesce(json_extract(data, '$.requested_by'), principal) = a.requested_by)`,
  ],
  [
    "whether it is spent differs from the log's",
    `SELECT id FROM approval a WHERE (a.used_at IS NOT NULL) <> (EXISTS (SELECT 1 FROM event WHERE subject = a.id AND type = 'approval.used'))
       AND (a.used_at IS NULL OR EXISTS (SELECT 1 FROM event WHERE subject = a.id AND type = 'approval.requested'
         AND json_extract(data, '$.requested_by') IS NOT NULL))`,
  ],
  [
    "the assessment differs from the log's",
    `SELECT id FROM assessment a WHERE NOT EXISTS (SELECT 1 FROM event WHERE subject = a.id AND type = 'risk.assessed'
       AND json_extract(data, '$.risk') = json_extract(a.body, '$.result.risk')
       AND json_extract(data, '$.level') = json_extract(a.body, '$.result.level')
       AND json_extract(data, '$.basis') = json_extract(a.body, '$.result.basis'))`,
  ],
  [
    "the escalation differs from the log's",
    `SELECT id FROM escalation s WHERE
       NOT EXISTS (SELECT 1 FROM event WHERE subject = s.id AND type = 'escalation.raised'
         AND json_extract(data, '$.rule') IS s.rule AND json_extract(data, '$.decision_id') IS s.decision_id)
       OR (s.state = 'acknowledged' AND NOT EXISTS (SELECT 1 FROM event WHERE subject = s.id
         AND type = 'escalation.acknowledged' AND json_extract(data, '$.by') = s.acknowledged_by))`,
  ],
  [
    "it is answered, and names nobody who did",
    "SELECT id FROM approval WHERE status IN ('approved', 'denied') AND answered_by IS NULL",
  ],
  [
    "a vote differs from the log's",
    `SELECT decision_id AS id FROM vote v WHERE NOT EXISTS (SELECT 1 FROM event WHERE subject = v.decision_id AND type = 'vote.cast'
       AND json_extract(data, '$.identity') = v.identity AND json_extract(data, '$.veto') = v.veto
       AND (v.abstain = 1 OR json_extract(data, '$.score') = v.score))`,
  ],
  [
    "an outcome differs from the log's",
    `SELECT decision_id AS id FROM outcome o WHERE NOT EXISTS (SELECT 1 FROM event WHERE subject = o.decision_id AND type = 'outcome.recorded'
       AND json_extract(data, '$.version') = o.version AND json_extract(data, '$.outcome') = o.outcome
       AND json_extract(data, '$.attested') = o.attested)`,
  ],
  [
    "the log tells of it, and it is gone",
    `SELECT subject AS id FROM event e WHERE
       (type = 'risk.assessed' AND NOT EXISTS (SELECT 1 FROM assessment WHERE id = e.subject))
       OR (type = 'escalation.raised' AND NOT EXISTS (SELECT 1 FROM escalation WHERE id = e.subject))
       OR (type = 'decision.made' AND NOT EXISTS (SELECT 1 FROM decision WHERE id = e.subject))
       OR (type = 'approval.requested' AND NOT EXISTS (SELECT 1 FROM approval WHERE id = e.subject))
       OR (type = 'vote.cast' AND NOT EXISTS (SELECT 1 FROM vote WHERE decision_id = e.subject AND identity = json_extract(e.data, '$.identity')))
       OR (type = 'outcome.recorded' AND NOT EXISTS (SELECT 1 FROM outcome WHERE decision_id = e.subject AND version = json_extract(e.data, '$.version')))`,
  ],
];

/**
 * Walks the whole log of the decision store, holds it against the heads and against the state, and changes nothing.
 *
 * @throws {DomainError} not_found where there is no store.
 */
export function auditStore(path: string, heads: readonly Head[]): Audited {
  if (!existsSync(path)) {
    throw new DomainError("not_found", `there is no store ${path}`, {
      hint: "name the state folder with --home DIR",
    });
  }
  if (isCutShort(path)) return { head: null, problems: ["the file is cut short"] };
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    const broken = verifyEvents(connection);
    const problems = broken === null ? [] : [`event ${broken.seq}: ${broken.reason}`];
    if (broken === null) problems.push(...endProblems(connection));
    problems.push(...headProblems(connection, heads));
    // A torn log tells nothing about the state.
    if (problems.length === 0) problems.push(...stateProblems(connection));
    const last = connection.prepare("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1").get();
    return {
      head: last === undefined ? null : { seq: Number(last["seq"]), hash: String(last["hash"]) },
      problems,
    };
  } catch (error) {
    return {
      head: null,
      problems: [error instanceof Error ? `cannot be read: ${error.message}` : "cannot be read"],
    };
  } finally {
    if (connection?.isOpen === true) connection.close();
  }
}

/** Held against the row that each event moves: the last events may be gone without a break in the chain. */
function endProblems(connection: DatabaseSync): readonly string[] {
  const last = connection.prepare("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1").get();
  const kept = connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'event_head'").get();
  // A store that no newer version has opened yet has none.
  if (kept === undefined) return [];
  const head = connection.prepare("SELECT seq, hash FROM event_head").get();
  if (head?.["seq"] === last?.["seq"] && head?.["hash"] === last?.["hash"]) return [];
  return [
    `event ${Number(last?.["seq"] ?? 0) + 1}: the log ends before what the store counted (${String(head?.["seq"] ?? "none")})`,
  ];
}

function headProblems(connection: DatabaseSync, heads: readonly Head[]): readonly string[] {
  const at = connection.prepare("SELECT hash FROM event WHERE seq = ?");
  return heads.flatMap(({ seq, hash }) => {
    const found = at.get(seq)?.["hash"];
    if (found === hash) return [];
    return [
      found === undefined
        ? `event ${seq}: a head tells of it, and the log ends before`
        : `event ${seq}: it is not what a head says`,
    ];
  });
}

function stateProblems(connection: DatabaseSync): readonly string[] {
  return CONTRADICTIONS.flatMap(([what, sql]) =>
    connection
      .prepare(`${sql} LIMIT 20`)
      .all()
      .map((row) => `${String(row["id"])}: ${what}`),
  );
}
