import { bareName, isSamePerson } from "./names.ts";

/** A question to a person, bound to one digest. */
export interface Approval {
  readonly id: string;
  /** SHA-256 over action, subject, policy version and what was assessed. */
  readonly digest: string;
  readonly decisionId: string;
  readonly action: string;
  readonly subject: string;
  readonly status: "pending" | "approved" | "denied" | "expired";
  readonly requestedBy: string;
  readonly requestedAt: number;
  readonly expiresAt: number;
  readonly answeredBy: string | null;
  readonly channel: string | null;
  readonly answeredAt: number | null;
  /** When what it allows was done; it allows nothing after that. */
  readonly usedAt: number | null;
}

/** How long a question stays open, and how long an answer holds. */
export const APPROVAL_TTL_MS = 24 * 3_600_000;

/** How many characters of the digest a person types. */
export const TYPED_CHARACTERS = 8;

export type ApprovalAnswer = "approved" | "denied";

/** The approval as it stands now: an open question, or an answer not yet acted on, ends with its time. */
export function atTime(approval: Approval, now: number): Approval {
  const ends = approval.status === "pending" || (approval.status !== "expired" && approval.usedAt === null);
  return ends && now >= approval.expiresAt ? { ...approval, status: "expired" } : approval;
}

/** Whether asking about the same digest again should lead to this approval instead of a new one. */
export function isLive(approval: Approval, now: number): boolean {
  return approval.usedAt === null && atTime(approval, now).status !== "expired";
}

/** Whether what a person typed is the start of the digest, in full and no more. */
export function startsDigest(approval: Pick<Approval, "digest">, typed: string): boolean {
  return typed === approval.digest.slice(0, TYPED_CHARACTERS);
}

/**
 * Whether whoever asked is the one who answers, by the names without what they are known by: `token:ann` asked,
 * `user:ann` answers. Over stdio `local` asked, which is the agent of whoever sits there, and no person's name.
 */
export function isOwnRequest(approval: Approval, by: string): boolean {
  return isSamePerson(bareName(approval.requestedBy), bareName(by));
}

/** An answered approval; the answer holds as long again as the question was open for. */
export function answered(
  approval: Approval,
  answer: ApprovalAnswer,
  by: string,
  channel: string,
  now: number,
): Approval {
  return {
    ...approval,
    status: answer,
    answeredBy: by,
    channel,
    answeredAt: now,
    expiresAt: now + APPROVAL_TTL_MS,
  };
}
