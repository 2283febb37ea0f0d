import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { canonicalJson, type Json } from "./canonical-json.ts";
import { toIso } from "./clock.ts";
import { EVENT_TYPES, type EventType } from "./event-types.ts";
import { parseRow, type Row, type Sql } from "./sqlite/database.ts";

/** The part of every store's first migration that belongs to the kernel: events, answers kept for retries, upkeep. */
export const KERNEL_TABLES = `
CREATE TABLE event (
  seq INTEGER PRIMARY KEY,
  type TEXT NOT NULL,
  at INTEGER NOT NULL,
  principal TEXT NOT NULL,
  subject TEXT NOT NULL,
  data TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE INDEX event_by_subject ON event (subject, seq);
CREATE TABLE answer (
  principal TEXT NOT NULL,
  tool TEXT NOT NULL,
  key TEXT NOT NULL,
  digest TEXT NOT NULL,
  answer TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (principal, tool, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_by_age ON answer (at);
CREATE TABLE maintenance (name TEXT PRIMARY KEY, until INTEGER NOT NULL, mark INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

export interface EventRecord {
  /** 1, 2, 3 … without a gap. */
  readonly seq: number;
  readonly type: EventType;
  /** ISO 8601. */
  readonly at: string;
  readonly principal: string;
  /** The id the event is about. */
  readonly subject: string;
  readonly data: { readonly [key: string]: Json | undefined };
  readonly prev_hash: string;
  readonly hash: string;
}

export interface NewEvent {
  readonly type: EventType;
  readonly subject: string;
  readonly data: { readonly [key: string]: Json | undefined };
}

const GENESIS = "0".repeat(64);

const EventRow = z.object({
  seq: z.int(),
  type: z.enum(EVENT_TYPES),
  at: z.int(),
  principal: z.string(),
  subject: z.string(),
  data: z.string(),
  prev_hash: z.string(),
  hash: z.string(),
});

const EventData = z.record(z.string(), z.json());

/**
 * The chain's link: SHA-256 over the previous link and the canonical event.
 * A changed, dropped or reordered row breaks every later link.
 */
function link(
  previous: string,
  seq: number,
  type: string,
  at: number,
  principal: string,
  subject: string,
  data: string,
): string {
  return createHash("sha256")
    .update(canonicalJson([previous, seq, type, at, principal, subject, data]))
    .digest("hex");
}

/** Appends events to the chain. Call it inside the transaction that changes the state they tell of. */
export function appendEvents(sql: Sql, events: readonly NewEvent[], principal: string, at: number): void {
  if (events.length === 0) return;
  const by = principal.toWellFormed();
  const last = sql.get("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1");
  let seq = Number(last?.["seq"] ?? 0);
  let previous = String(last?.["hash"] ?? GENESIS);
  for (const event of events) {
    seq += 1;
    const data = canonicalJson(event.data);
    // SQLite keeps UTF-8, which has no half of a surrogate pair: the link is made over what will be read back.
    const subject = event.subject.toWellFormed();
    const hash = link(previous, seq, event.type, at, by, subject, data);
    sql.run(
      "INSERT INTO event (seq, type, at, principal, subject, data, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      seq,
      event.type,
      at,
      by,
      subject,
      data,
      previous,
      hash,
    );
    previous = hash;
  }
}

export interface EventQuery {
  /** The last `seq` the reader has seen; 0 for the beginning. */
  readonly after: number;
  readonly limit: number;
  readonly types?: readonly EventType[] | undefined;
  readonly subject?: string | undefined;
}

/** Reads events in order from a cursor. */
export function readEvents(sql: Sql, query: EventQuery): readonly EventRecord[] {
  const types = query.types === undefined || query.types.length === 0 ? null : JSON.stringify(query.types);
  // Two texts, because SQLite uses the index on subjects only where one is surely given.
  const rows =
    query.subject === undefined
      ? sql.all(
          `SELECT * FROM event WHERE seq > ?1 AND ${OF_TYPES} ORDER BY seq LIMIT ?3`,
          query.after,
          types,
          query.limit,
        )
      : sql.all(
          `SELECT * FROM event WHERE subject = ?4 AND seq > ?1 AND ${OF_TYPES} ORDER BY seq LIMIT ?3`,
          query.after,
          types,
          query.limit,
          query.subject,
        );
  return rows.map(toRecord);
}

const OF_TYPES = "(?2 IS NULL OR type IN (SELECT value FROM json_each(?2)))";

function toRecord(row: Row): EventRecord {
  const event = parseRow(EventRow, row);
  return { ...event, at: toIso(event.at), data: EventData.parse(JSON.parse(event.data)) };
}

/** As stored, whatever a newer version or a stranger's hand may have put there. */
const LinkRow = z.object({
  seq: z.bigint(),
  type: z.string(),
  at: z.bigint(),
  principal: z.string(),
  subject: z.string(),
  data: z.string(),
  prev_hash: z.string(),
  hash: z.string(),
});

/** Walks the whole chain. Returns the first broken row, or null. Without a head kept elsewhere a cut tail is not seen. */
export function verifyEvents(
  connection: DatabaseSync,
): { readonly seq: number; readonly reason: string } | null {
  let previous = GENESIS;
  let expected = 0;
  const rows = connection.prepare("SELECT * FROM event ORDER BY seq");
  // A planted number may be larger than JavaScript holds, and must not stop the walk.
  rows.setReadBigInts(true);
  for (const row of rows.iterate()) {
    expected += 1;
    const parsed = LinkRow.safeParse(row);
    if (!parsed.success) return { seq: expected, reason: "the row cannot be read" };
    const event = parsed.data;
    if (event.seq > BigInt(expected)) return { seq: expected, reason: "the row is missing" };
    const hash = link(
      previous,
      expected,
      event.type,
      Number(event.at),
      event.principal,
      event.subject,
      event.data,
    );
    if (event.seq !== BigInt(expected) || event.prev_hash !== previous || event.hash !== hash) {
      return { seq: Number(event.seq), reason: "the row was changed" };
    }
    previous = hash;
  }
  return null;
}
