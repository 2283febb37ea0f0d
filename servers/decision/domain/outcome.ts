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

/**
 * The version of an outcome that counts, of all in their order; undefined for none. The newest does, with two exceptions:
 * what a local process tells of itself never takes the place of what a token told, nor of a bad end.
 */
export function countedOf(versions: readonly OutcomeRecord[]): OutcomeRecord | undefined {
  return versions.reduce<OutcomeRecord | undefined>(
    (counted, next) => (counted !== undefined && outweighs(counted, next) ? counted : next),
    undefined,
  );
}

function outweighs(counted: OutcomeRecord, next: OutcomeRecord): boolean {
  if (next.attested === "token") return false;
  return counted.attested === "token" || (isBad(counted.outcome) && !isBad(next.outcome));
}

function isBad(outcome: OutcomeName): boolean {
  return outcome !== "success" && outcome !== "unknown";
}
