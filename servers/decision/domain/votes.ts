import type { Verdict } from "./policy.ts";

/** Who may vote, with what each role's voice weighs. Source: the project's design draft. */
export const ROLE_WEIGHTS = { developer: 0.2, tester: 0.3, reviewer: 0.3, architect: 0.2 } as const;
export type Role = keyof typeof ROLE_WEIGHTS;
export const ROLES = ["developer", "tester", "reviewer", "architect"] as const satisfies readonly Role[];

/** What the mean must be above for a yes. */
export const THRESHOLD = 0.8;
/** How much of the roles' weight must have spoken, and by how many voters. */
export const QUORUM_WEIGHT = 0.5;
export const QUORUM_VOTERS = 2;
/** From this distance between two voters on they do not agree. */
export const DISSENT = 0.5;

export interface Vote {
  readonly decisionId: string;
  /** Who this is to the server: a token's principal, or "self:" and the name that a local process gave. */
  readonly identity: string;
  readonly voter: string;
  readonly role: Role;
  /** How sure the voter is that this should go ahead, 0..1. */
  readonly score: number;
  readonly veto: boolean;
  readonly abstain: boolean;
  readonly rationale: string;
  /** "self": the word of whoever is connected locally; such a vote is advice. */
  readonly attested: "self" | "token";
  readonly at: number;
}

/** What an earlier vote of somebody was worth: the score, and whether it then went well. */
export interface PastVote {
  readonly score: number;
  readonly wentWell: boolean;
}

// Brier score that an untried voter is credited with, and how many votes that credit weighs.
const PRIOR_BRIER = 0.1;
const PRIOR_VOTES = 20;
// What always saying one half would score: a voter without skill.
const NO_SKILL = 0.25;
const LEAST = 0.1;
const MOST = 1.5;

/**
 * What a voter's word weighs beside another's of the same role: 1 for an untried one, up to 1.5 for one whose scores
 * foretold outcomes, down to .1 for one whose scores were worth nothing.
 *
 * Source: Brier skill score, Murphy, "A new vector partition of the probability score", J. Appl. Meteor. 12 (1973),
 * shrunk to a prior of 20 votes.
 */
export function weightFromPast(past: readonly PastVote[]): number {
  const loss = past.reduce((sum, { score, wentWell }) => sum + (score - (wentWell ? 1 : 0)) ** 2, 0);
  const brier = (loss + PRIOR_VOTES * PRIOR_BRIER) / (past.length + PRIOR_VOTES);
  return Math.min(MOST, Math.max(LEAST, (NO_SKILL - brier) / (NO_SKILL - PRIOR_BRIER)));
}

export interface Tally {
  /** Weighted mean of those who did not abstain, 0..1; null when nobody did. */
  readonly score: number | null;
  readonly quorum: boolean;
  readonly dissent: boolean;
  /** Largest distance between two voters. */
  readonly spread: number;
  readonly vetoes: readonly string[];
  readonly voters: number;
  readonly abstained: number;
  readonly verdict: Verdict;
  readonly reason: string;
  /** Whether anybody who counts is known by no more than the name they gave. */
  readonly advisory: boolean;
}

/**
 * Counts the votes on a decision. Voters of one role share its weight by what their word was worth before, so more
 * voters of a role do not make the role louder; a role whose voters were wrong before is quieter.
 *
 * A veto blocks, whoever cast it. Without quorum, and where voters do not agree, a person decides.
 */
export function tallyOf(votes: readonly Vote[], weightOf: (identity: string) => number): Tally {
  const speaking = votes.filter((vote) => !vote.abstain);
  const roles = ROLES.flatMap((role) => {
    const voters = speaking.filter((vote) => vote.role === role);
    if (voters.length === 0) return [];
    const voice = voters.reduce((sum, vote) => sum + weightOf(vote.identity), 0);
    const mean = voters.reduce((sum, vote) => sum + weightOf(vote.identity) * vote.score, 0) / voice;
    return [{ nominal: ROLE_WEIGHTS[role], weight: (ROLE_WEIGHTS[role] * voice) / voters.length, mean }];
  });
  const weight = roles.reduce((sum, role) => sum + role.weight, 0);
  const total = roles.reduce((sum, role) => sum + role.weight * role.mean, 0);
  // Rounding errors of sums must not lift a score over the threshold that it is on.
  const score = weight === 0 ? null : Math.round((total / weight) * 1e9) / 1e9;
  const scores = speaking.map((vote) => vote.score);
  const spread = scores.length === 0 ? 0 : Math.max(...scores) - Math.min(...scores);
  const vetoes = votes.filter((vote) => vote.veto).map((vote) => vote.identity);
  // Weights are sums of tenths: a hair of rounding must not undo a quorum.
  const present = roles.reduce((sum, role) => sum + role.nominal, 0);
  const quorum = speaking.length >= QUORUM_VOTERS && present >= QUORUM_WEIGHT - 1e-9;
  const dissent = spread >= DISSENT - 1e-9 || (vetoes.length > 0 && speaking.length > vetoes.length);
  return {
    score,
    quorum,
    dissent,
    spread,
    vetoes,
    voters: speaking.length,
    abstained: votes.length - speaking.length,
    advisory: speaking.some((vote) => vote.attested === "self"),
    ...verdictOf(score, quorum, dissent, vetoes.length),
  };
}

function verdictOf(
  score: number | null,
  quorum: boolean,
  dissent: boolean,
  vetoes: number,
): Pick<Tally, "verdict" | "reason"> {
  if (vetoes > 0) return { verdict: "block", reason: "somebody vetoed" };
  if (!quorum || score === null) return { verdict: "require_human", reason: "there is no quorum" };
  if (dissent) return { verdict: "require_human", reason: "the voters do not agree" };
  return score > THRESHOLD
    ? { verdict: "auto_proceed", reason: `the score is above ${THRESHOLD}` }
    : { verdict: "request_review", reason: `the score is not above ${THRESHOLD}` };
}
