/** Where a word occurs: slots in rising order, and how often in each. */
export interface Postings {
  readonly slots: number[];
  readonly counts: number[];
}

/** BM25 of what is allowed, by slot and by session. Not divided by anything. */
export interface WordScores {
  readonly bySlot: Float64Array;
  readonly bySession: Float64Array;
}

export interface Collection {
  /** 1 for each slot that counts. */
  readonly allowed: Uint8Array;
  /** Words in each slot, weighted as they were counted. */
  readonly lengths: Float64Array;
  /** The session of each slot, -1 for none. */
  readonly sessionOf: Float64Array;
  readonly sessions: number;
}

const K1 = 1.2;
const B = 0.75;

/**
 * Scores the allowed slots and the sessions they are part of. Frequencies and lengths count within them: a word that
 * all of a thread share says nothing there.
 *
 * Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), k1 = 1.2, b = 0.75.
 */
export function scoreWords(found: readonly Postings[], collection: Collection): WordScores {
  const { allowed, lengths, sessionOf, sessions } = collection;
  const bySlot = new Float64Array(allowed.length);
  const bySession = new Float64Array(sessions);
  const { count, length, sessionCount, sessionLengths } = sizesOf(collection);
  if (count === 0) return { bySlot, bySession };
  const longer = (K1 * B * count) / length;
  const sessionLonger = sessionCount === 0 ? 0 : (K1 * B * sessionCount) / sum(sessionLengths);
  const inSession = new Float64Array(sessions);
  for (const { slots, counts } of found) {
    const touched: number[] = [];
    let holders = 0;
    for (let at = 0; at < slots.length; at += 1) {
      const slot = slots[at] ?? 0;
      if (allowed[slot] !== 1) continue;
      holders += 1;
      const session = sessionOf[slot] ?? -1;
      if (session < 0) continue;
      if (inSession[session] === 0) touched.push(session);
      inSession[session] = (inSession[session] ?? 0) + (counts[at] ?? 0);
    }
    const weight = rarity(holders, count) * (K1 + 1);
    for (let at = 0; at < slots.length; at += 1) {
      const slot = slots[at] ?? 0;
      if (allowed[slot] !== 1) continue;
      const own = counts[at] ?? 0;
      const damped = own + K1 * (1 - B) + longer * (lengths[slot] ?? 0);
      bySlot[slot] = (bySlot[slot] ?? 0) + (weight * own) / damped;
    }
    const sessionWeight = rarity(touched.length, sessionCount) * (K1 + 1);
    for (const session of touched) {
      const own = inSession[session] ?? 0;
      const damped = own + K1 * (1 - B) + sessionLonger * (sessionLengths[session] ?? 0);
      bySession[session] = (bySession[session] ?? 0) + (sessionWeight * own) / damped;
      inSession[session] = 0;
    }
  }
  return { bySlot, bySession };
}

function sizesOf({ allowed, lengths, sessionOf, sessions }: Collection): {
  readonly count: number;
  readonly length: number;
  readonly sessionCount: number;
  readonly sessionLengths: Float64Array;
} {
  const sessionLengths = new Float64Array(sessions);
  let [count, length, sessionCount] = [0, 0, 0];
  for (let slot = 0; slot < allowed.length; slot += 1) {
    if (allowed[slot] !== 1) continue;
    const own = lengths[slot] ?? 0;
    count += 1;
    length += own;
    const session = sessionOf[slot] ?? -1;
    if (session < 0) continue;
    if (sessionLengths[session] === 0) sessionCount += 1;
    sessionLengths[session] = (sessionLengths[session] ?? 0) + own;
  }
  return { count, length, sessionCount, sessionLengths };
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Source: inverse document frequency of BM25 as in Lucene, which is never negative. */
function rarity(holders: number, all: number): number {
  return Math.log(1 + (all - holders + 0.5) / (holders + 0.5));
}
