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
function link(previous: string, seq: number, type: string, at: number, principal: string, subject: string, data: string): string {
  return createHash("sha256").update(canonicalJson([previous, seq, type, at, principal, subject, data])).digest("hex");
}

/** Appends events to the chain. Call it inside the transaction that changes the state they tell of. */
export function appendEvents(sql: Sql, events: readonly NewEvent[], principal: string, at: number): void {
  if (events.length === 0) return;
  const last = sql.get("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1");
  let seq = Number(last?.["seq"] ?? 0);
  let previous = String(last?.["hash"] ?? GENESIS);
  for (const event of events) {
    seq += 1;
    const data = canonicalJson(event.data);
    const hash = link(previous, seq, event.type, at, principal, event.subject, data);
    sql.run(
      "INSERT INTO event (seq, type, at, principal, subject, data, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      seq,
      event.type,
      at,
      principal,
      event.subject,
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
  return sql
    .all(
      `SELECT * FROM event WHERE seq > ?1
         AND (?2 IS NULL OR type IN (SELECT value FROM json_each(?2)))
         AND (?3 IS NULL OR subject = ?3)
       ORDER BY seq LIMIT ?4`,
      query.after,
      types,
      query.subject ?? null,
      query.limit,
    )
    .map(toRecord);
}

function toRecord(row: Row): EventRecord {
  const event = parseRow(EventRow, row);
  return { ...event, at: toIso(event.at), data: EventData.parse(JSON.parse(event.data)) };
}

/** Walks the whole chain. Returns the first broken row, or null. Without a head kept elsewhere a cut tail is not seen. */
export function verifyEvents(connection: DatabaseSync): { readonly seq: number; readonly reason: string } | null {
  let previous = GENESIS;
  let expected = 0;
  for (const row of connection.prepare("SELECT * FROM event ORDER BY seq").iterate()) {
    expected += 1;
    const parsed = EventRow.safeParse(row);
    if (!parsed.success) return { seq: expected, reason: "the row cannot be read" };
    const event = parsed.data;
    if (event.seq !== expected) return { seq: expected, reason: "the row is missing" };
    const hash = link(previous, event.seq, event.type, event.at, event.principal, event.subject, event.data);
    if (event.prev_hash !== previous || event.hash !== hash) return { seq: event.seq, reason: "the row was changed" };
    previous = hash;
  }
  return null;
}
