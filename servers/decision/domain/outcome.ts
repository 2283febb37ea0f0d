export const OUTCOMES = ["success", "failure", "reverted", "incident", "unknown"] as const;
export type OutcomeName = (typeof OUTCOMES)[number];

/** What became of a decision, as somebody reported it. Corrections add a version; none is overwritten. */
export interface OutcomeRecord {
  readonly decisionId: string;
  /** 1 is the first report. */
  readonly version: number;
  readonly outcome: OutcomeName;
  readonly source: string;
  /** "self": the word of whoever was connected locally. "token": of a named principal. */
  readonly attested: "self" | "token";
  readonly principal: string;
  /** When it happened, epoch milliseconds. */
  readonly at: number;
  readonly recordedAt: number;
  /** From when on it may be learned from; null for never. */
  readonly maturesAt: number | null;
}

/** Days a success has to last. Defects of the newest changes are mostly not found yet, and "no bug so far" is no label. */
export const MATURITY_MS = 90 * 86_400_000;

/** A failure is known at once, a success only when it has lasted, an unknown outcome teaches nothing. */
export function maturesAt(outcome: OutcomeName, decidedAt: number, happenedAt: number): number | null {
  switch (outcome) {
    case "success":
      return Math.max(happenedAt, decidedAt + MATURITY_MS);
    case "failure":
    case "reverted":
    case "incident":
      return happenedAt;
    case "unknown":
      return null;
  }
}
