import { bestOf } from "./best.ts";
import { tokensOf } from "./tokens.ts";
import type { Weights } from "./weights.ts";
import type { Entry, WordIndex } from "./word-index.ts";

/** What the words of a query are looked up in. */
export interface Ranking {
  /** Tokens of domain/tokens.ts. */
  readonly terms: readonly string[];
  /** File names and paths in the query, in lower case. */
  readonly paths: readonly string[];
  readonly accepts: (entry: Entry) => boolean;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly uses: { readonly lexical: boolean; readonly graph: boolean };
  /** Cosine by memory number, where vectors were asked; 0..1. */
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
 * Ranks what the filter accepts, best first, equals by the newest and then by number. A memory is a candidate when it
 * has one of the words, stands beside one that has, is near the query's vector, or is about what the query names.
 */
export function rank(index: WordIndex, ranking: Ranking): readonly Ranked[] {
  const { uses, weights, vector, now } = ranking;
  const allowed = new Uint8Array(index.slots);
  for (let slot = 0; slot < index.slots; slot += 1) {
    const entry = index.entryAt(slot);
    if (entry !== undefined && ranking.accepts(entry)) allowed[slot] = 1;
  }
  const { bySlot, bySession } = index.score(ranking.terms, allowed);
  const words = relative(bySlot);
  const sessions = relative(bySession);
  const graph = uses.graph
    ? graphParts(index, allowed, words, sessions, ranking)
    : new Float64Array(index.slots);
  const partsAt = (slot: number, entry: Entry): Omit<Ranked, "n" | "score"> => ({
    lexical: uses.lexical ? weights.lexical * (words[slot] ?? 0) : 0,
    vector: weights.vector * (vector?.get(entry.n) ?? 0),
    graph: graph[slot] ?? 0,
    recency: weights.recency * recencyOf(entry.updatedAt, now),
  });
  // In one pass over numbers: in a large store this is done for every memory with a common word.
  const scores = new Float64Array(index.slots);
  const lexicalWeight = uses.lexical ? weights.lexical : 0;
  for (let slot = 0; slot < scores.length; slot += 1) {
    const known = lexicalWeight * (words[slot] ?? 0) + (graph[slot] ?? 0);
    const entry =
      known > 0 || (vector !== undefined && allowed[slot] === 1) ? index.entryAt(slot) : undefined;
    if (entry === undefined) continue;
    const near = vector === undefined ? 0 : weights.vector * (vector.get(entry.n) ?? 0);
    if (known + near > 0) scores[slot] = known + near + weights.recency * recencyOf(entry.updatedAt, now);
  }
  const scoreOf = (slot: number): number => scores[slot] ?? 0;
  const before = (a: number, b: number): number => {
    const [one, other] = [index.entryAt(a), index.entryAt(b)];
    return (other?.updatedAt ?? 0) - (one?.updatedAt ?? 0) || (one?.n ?? 0) - (other?.n ?? 0);
  };
  const rankedAt = (slot: number, score: number): readonly Ranked[] => {
    const entry = index.entryAt(slot);
    return entry === undefined ? [] : [{ n: entry.n, ...partsAt(slot, entry), score }];
  };
  if (ranking.groupBy === undefined)
    return bestOf(index.slots, ranking.limit, scoreOf, before).flatMap((slot) =>
      rankedAt(slot, scoreOf(slot)),
    );
  const best = bestMembers(index, ranking.groupBy, scoreOf, before);
  const groupScore = (slot: number): number => {
    const session = index.sessionAt(slot);
    if (session < 0) return scoreOf(slot);
    const members = index.membersOf(session);
    const strongest = members.reduce((most, member) => {
      const own = uses.lexical ? (words[member] ?? 0) : 0;
      return Math.max(most, own + weights.vector * (vector?.get(index.entryAt(member)?.n ?? -1) ?? 0));
    }, 0);
    return (uses.lexical || uses.graph ? (sessions[session] ?? 0) : 0) + weights.bestOfGroup * strongest;
  };
  const groupScores = best.map(groupScore);
  return bestOf(
    best.length,
    ranking.limit,
    (at) => groupScores[at] ?? 0,
    (a, b) => before(best[a] ?? 0, best[b] ?? 0),
  ).flatMap((at) => rankedAt(best[at] ?? 0, groupScores[at] ?? 0));
}

/** The slot with the best score of each group, in no order. What belongs to no group stands for itself. */
function bestMembers(
  index: WordIndex,
  by: Exclude<Grouping, "file">,
  scoreOf: (slot: number) => number,
  before: (a: number, b: number) => number,
): readonly number[] {
  const best = new Map<string | number, { readonly slot: number; readonly score: number }>();
  for (let slot = 0; slot < index.slots; slot += 1) {
    const score = scoreOf(slot);
    if (score <= 0) continue;
    const entry = index.entryAt(slot);
    const group = by === "thread" ? entry?.thread : entry?.place?.session;
    const key = group ?? slot;
    const known = best.get(key);
    if (known === undefined || score > known.score || (score === known.score && before(slot, known.slot) < 0))
      best.set(key, { slot, score });
  }
  return [...best.values()].map(({ slot }) => slot);
}

/** What its surroundings add to each slot. Only candidates get any: being in a session that fits is not enough. */
function graphParts(
  index: WordIndex,
  allowed: Uint8Array,
  words: Float64Array,
  sessions: Float64Array,
  { terms, paths, vector, entity, weights }: Ranking,
): Float64Array {
  const parts = new Float64Array(index.slots);
  const asked = new Set(terms);
  const authors = new Map<string, boolean>();
  const isAsked = (author: string): boolean => {
    const known = authors.get(author) ?? tokensOf(author).some((token) => asked.has(token));
    authors.set(author, known);
    return known;
  };
  const neighbours = bestNeighbours(index, allowed, words, sessions);
  const isByWordsAlone = entity.size === 0 && paths.length === 0 && vector === undefined;
  for (let slot = 0; slot < parts.length; slot += 1) {
    const neighbour = neighbours[slot] ?? 0;
    if (allowed[slot] !== 1 || (isByWordsAlone && neighbour === 0 && words[slot] === 0)) continue;
    const entry = index.entryAt(slot);
    if (entry === undefined) continue;
    const about = entity.size === 0 ? 0 : (entity.get(entry.n) ?? 0);
    const isNamed = paths.length > 0 && entry.path !== undefined && isPathAsked(entry.path, paths);
    const isCandidate =
      neighbour > 0 || about > 0 || isNamed || (words[slot] ?? 0) > 0 || vector?.has(entry.n) === true;
    if (!isCandidate) continue;
    const session = index.sessionAt(slot);
    parts[slot] =
      weights.neighbour * neighbour +
      (session < 0 ? 0 : weights.session * (sessions[session] ?? 0)) +
      (entry.author !== undefined && isAsked(entry.author) ? weights.author : 0) +
      weights.entity * about +
      (isNamed ? weights.path : 0);
  }
  return parts;
}

function bestNeighbours(
  index: WordIndex,
  allowed: Uint8Array,
  words: Float64Array,
  sessions: Float64Array,
): Float64Array {
  const neighbours = new Float64Array(index.slots);
  for (let session = 0; session < sessions.length; session += 1) {
    if ((sessions[session] ?? 0) <= 0) continue;
    let before = -1;
    for (const slot of index.membersOf(session)) {
      if (allowed[slot] !== 1) continue;
      if (before >= 0) {
        neighbours[slot] = words[before] ?? 0;
        neighbours[before] = Math.max(neighbours[before] ?? 0, words[slot] ?? 0);
      }
      before = slot;
    }
  }
  return neighbours;
}

function isPathAsked(path: string, asked: readonly string[]): boolean {
  const own = path.toLowerCase();
  return asked.some((one) => own === one || own.endsWith(`/${one}`) || one.endsWith(`/${own}`));
}

function relative(scores: Float64Array): Float64Array {
  let most = 0;
  for (const score of scores) if (score > most) most = score;
  return most === 0 ? scores : scores.map((score) => score / most);
}
