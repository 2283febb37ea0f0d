import { bestOf } from "./best.ts";
import { graphParts } from "./graph-parts.ts";
import type { Weights } from "./weights.ts";
import type { WordIndex } from "./word-index.ts";

/** What the words of a query are looked up in. */
export interface Ranking {
  /** Tokens of domain/tokens.ts. */
  readonly terms: readonly string[];
  /** File names and paths in the query, in lower case. */
  readonly paths: readonly string[];
  /** 1 for each slot of the index that may be found. */
  readonly allowed: Uint8Array;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly uses: { readonly lexical: boolean; readonly graph: boolean };
  /** How near to the query's vector by memory number, where vectors were asked; 0..1. */
  readonly vector: ReadonlyMap<number, number> | undefined;
  /** How near a memory is to an entity that the query names, by memory number; 0..1. */
  readonly entity: ReadonlyMap<number, number>;
  readonly weights: Weights;
  /** Best member of each group only. */
  readonly groupBy: Exclude<Grouping, "file"> | undefined;
  readonly limit: number;
}

export const GROUPINGS = ["file", "thread", "session"] as const;

export type Grouping = (typeof GROUPINGS)[number];

/** A memory's number and what each retriever adds to its score; the parts sum to the score but for a group's. */
export interface Ranked {
  readonly n: number;
  readonly lexical: number;
  readonly vector: number;
  readonly graph: number;
  readonly recency: number;
  /** What it is ranked by. */
  readonly score: number;
}

const HALF_LIFE_MS = 30 * 24 * 3_600_000;

/** 1 when just written, half of it every 30 days. */
export function recencyOf(updatedAt: number, now: number): number {
  return Math.exp((-Math.LN2 * Math.max(0, now - updatedAt)) / HALF_LIFE_MS);
}

/**
 * Ranks what may be found, best first, equals by the newest and then by number. A memory is a candidate when it has
 * one of the words, stands beside one that has, is near the query's vector, or is about what the query names.
 */
export function rank(index: WordIndex, ranking: Ranking): readonly Ranked[] {
  const { uses, weights, allowed, now, groupBy, limit } = ranking;
  const { bySlot, bySession } = index.score(ranking.terms, allowed);
  const words = relative(bySlot);
  const sessions = relative(bySession);
  const near = bySlotOf(index, allowed, ranking.vector);
  const about = bySlotOf(index, allowed, ranking.entity);
  const parts: Parts = {
    lexical: uses.lexical ? weights.lexical : 0,
    vector: weights.vector,
    recency: weights.recency,
    words,
    near,
    graph: uses.graph ? graphParts(index, ranking, { words, sessions, near, about }) : undefined,
  };
  const scores = scoresOf(index, parts, now);
  const { n, updatedAt } = index.columns;
  const before = (a: number, b: number): number =>
    (updatedAt[b] ?? 0) - (updatedAt[a] ?? 0) || (n[a] ?? 0) - (n[b] ?? 0);
  const rankedAt = (slot: number, score: number): Ranked => ({
    n: n[slot] ?? 0,
    lexical: parts.lexical * (words[slot] ?? 0),
    vector: parts.vector * (near?.[slot] ?? 0),
    graph: parts.graph?.[slot] ?? 0,
    recency: parts.recency * recencyOf(updatedAt[slot] ?? 0, now),
    score,
  });
  const scoreOf = (slot: number): number => scores[slot] ?? 0;
  if (groupBy === undefined)
    return bestOf(scores.length, limit, scoreOf, before).map((slot) => rankedAt(slot, scoreOf(slot)));
  const best = bestMembers(index, groupBy, scores, before);
  const isByWords = uses.lexical || uses.graph;
  const groupScores = best.map((slot) => {
    const session = index.columns.session[slot] ?? -1;
    if (session < 0) return scoreOf(slot);
    let strongest = 0;
    for (const member of index.membersOf(session)) {
      const own = (uses.lexical ? (words[member] ?? 0) : 0) + parts.vector * (near?.[member] ?? 0);
      if (own > strongest) strongest = own;
    }
    return (isByWords ? (sessions[session] ?? 0) : 0) + weights.bestOfGroup * strongest;
  });
  return bestOf(
    best.length,
    limit,
    (at) => groupScores[at] ?? 0,
    (a, b) => before(best[a] ?? 0, best[b] ?? 0),
  ).map((at) => rankedAt(best[at] ?? 0, groupScores[at] ?? 0));
}

/** What a score is the sum of: a weight and a value between 0 and 1 by slot, and the weighted parts of the graph. */
interface Parts {
  readonly lexical: number;
  readonly vector: number;
  readonly recency: number;
  readonly words: Float64Array;
  readonly near: Float64Array | undefined;
  readonly graph: Float64Array | undefined;
}

/** 0 for what is no candidate: being new is not enough. */
function scoresOf(
  index: WordIndex,
  { lexical, vector, recency, words, near, graph }: Parts,
  now: number,
): Float64Array {
  const { updatedAt } = index.columns;
  const scores = new Float64Array(index.slots);
  for (let slot = 0; slot < scores.length; slot += 1) {
    const known =
      lexical * (words[slot] ?? 0) +
      (graph === undefined ? 0 : (graph[slot] ?? 0)) +
      (near === undefined ? 0 : vector * (near[slot] ?? 0));
    if (known > 0) scores[slot] = known + recency * recencyOf(updatedAt[slot] ?? 0, now);
  }
  return scores;
}

function bySlotOf(
  index: WordIndex,
  allowed: Uint8Array,
  values: ReadonlyMap<number, number> | undefined,
): Float64Array | undefined {
  if (values === undefined || values.size === 0) return undefined;
  const found = new Float64Array(index.slots);
  for (const [n, value] of values) {
    const slot = index.slotOf(n);
    if (slot !== undefined && allowed[slot] === 1) found[slot] = value;
  }
  return found;
}

/** The slot with the best score of each group, in no order. What belongs to no group stands for itself. */
function bestMembers(
  index: WordIndex,
  by: Exclude<Grouping, "file">,
  scores: Float64Array,
  before: (a: number, b: number) => number,
): readonly number[] {
  const groups = by === "thread" ? index.columns.thread.codes : index.columns.session;
  const best = new Map<number, number>();
  const alone: number[] = [];
  for (let slot = 0; slot < scores.length; slot += 1) {
    const score = scores[slot] ?? 0;
    if (score <= 0) continue;
    const group = groups[slot] ?? -1;
    if (group < 0) {
      alone.push(slot);
      continue;
    }
    const known = best.get(group);
    const knownScore = known === undefined ? 0 : (scores[known] ?? 0);
    if (known === undefined || score > knownScore || (score === knownScore && before(slot, known) < 0))
      best.set(group, slot);
  }
  return [...best.values(), ...alone];
}

function relative(scores: Float64Array): Float64Array {
  let most = 0;
  for (const score of scores) if (score > most) most = score;
  if (most > 0) for (let at = 0; at < scores.length; at += 1) scores[at] = (scores[at] ?? 0) / most;
  return scores;
}
