import { TIERS, type Tier } from "./policy.ts";

/** A call for somebody's attention, with the time by which it must be seen. */
export interface Escalation {
  readonly id: string;
  /** Digest of what it is about and of whom it concerns: the same thing raised again is the same escalation. */
  readonly key: string;
  readonly subject: string;
  readonly reason: string;
  /** The rule that called for it; null where none did and somebody asked all the same. */
  readonly rule: string | null;
  readonly decisionId: string | null;
  /** As urgent as it is now: it rises when nobody looks in time. */
  readonly tier: Tier;
  readonly state: "open" | "acknowledged";
  readonly raisedBy: string;
  readonly raisedAt: number;
  /** When it must have been seen, epoch milliseconds. */
  readonly deadline: number;
  /** How often it was raised; more than 1 where duplicates were folded into it. */
  readonly times: number;
  /** How many deadlines passed unseen. */
  readonly missed: number;
  readonly acknowledgedBy: string | null;
  readonly channel: string | null;
  readonly acknowledgedAt: number | null;
}

/** How soon somebody has to look. */
export const DEADLINE_MS: Readonly<Record<Tier, number>> = {
  immediate: 15 * 60_000,
  high: 4 * 3_600_000,
  standard: 24 * 3_600_000,
};

/**
 * The escalation as it stands now: each deadline that passed unseen makes it one tier more urgent, with that tier's
 * time from then on; the most urgent one is told again and again.
 */
export function escalationAt(escalation: Escalation, now: number): Escalation {
  let current = escalation;
  while (current.state === "open" && now >= current.deadline) {
    const tier = TIERS[Math.max(0, TIERS.indexOf(current.tier) - 1)] ?? "immediate";
    // At the top every missed deadline is like the other: counted at once, however long nobody looked.
    const turns =
      current.tier === "immediate" ? Math.floor((now - current.deadline) / DEADLINE_MS.immediate) + 1 : 1;
    current = {
      ...current,
      tier,
      deadline: current.deadline + turns * DEADLINE_MS[tier],
      missed: current.missed + turns,
    };
  }
  return current;
}

/** Whether the same thing, raised now, is part of this escalation: while it is open, and for its tier's time once seen. */
export function absorbs(escalation: Escalation, now: number): boolean {
  return (
    escalation.state === "open" ||
    (escalation.acknowledgedAt !== null && now < escalation.acknowledgedAt + DEADLINE_MS[escalation.tier])
  );
}

/** The escalation, raised once more; a more urgent call makes it more urgent, and never gives more time. */
export function raisedAgain(escalation: Escalation, tier: Tier, now: number): Escalation {
  const isMoreUrgent = TIERS.indexOf(tier) < TIERS.indexOf(escalation.tier);
  const again = { ...escalation, times: escalation.times + 1 };
  if (!isMoreUrgent) return again;
  const deadline = now + DEADLINE_MS[tier];
  // Whoever saw the milder one has not seen this.
  return escalation.state === "open"
    ? { ...again, tier, deadline: Math.min(escalation.deadline, deadline) }
    : { ...again, tier, deadline, state: "open", acknowledgedBy: null, channel: null, acknowledgedAt: null };
}

export function acknowledged(escalation: Escalation, by: string, channel: string, now: number): Escalation {
  return { ...escalation, state: "acknowledged", acknowledgedBy: by, channel, acknowledgedAt: now };
}
