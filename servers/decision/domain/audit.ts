import type { EventRecord } from "../../../kernel/events.ts";

/** How far a log reached, and what its last link was. Kept elsewhere, it shows a cut tail and a rewritten log. */
export interface Head {
  readonly store: string;
  readonly seq: number;
  readonly hash: string;
  /** ISO 8601. */
  readonly at: string;
}

/** What a head's signature covers: its fields in this order. */
export function headText({ store, seq, hash, at }: Head): string {
  return JSON.stringify(["slipway-audit-head.v1", store, seq, hash, at]);
}

export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
export const PREDICATE_TYPE = "urn:slipway:decision-event:v1";
export const PAYLOAD_TYPE = "application/vnd.in-toto+json";

/**
 * One event as an in-toto statement: the subject is what it is about, named by the event's own link in the chain.
 *
 * Source: in-toto attestation framework, Statement v1.
 */
export function statementOf(event: EventRecord): Readonly<Record<string, unknown>> {
  const { seq, type, at, principal, subject, data, prev_hash, hash } = event;
  return {
    _type: STATEMENT_TYPE,
    subject: [{ name: subject, digest: { sha256: hash } }],
    predicateType: PREDICATE_TYPE,
    predicate: { seq, type, at, principal, data, prev_hash },
  };
}

/** What is signed of an envelope. Source: DSSE v1, "PAE(type, body)"; lengths are in bytes, both texts are ASCII. */
export function preAuthEncoding(payloadType: string, payload: string): string {
  return `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} ${payload}`;
}
