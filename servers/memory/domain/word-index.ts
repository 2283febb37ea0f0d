/** Where an indexed memory stands in a thread. */
export interface Place {
  /** The thread, and the session inside it where it has sessions. */
  readonly session: string;
  readonly seq: number;
}

/** One memory as the index keeps it. `n` is its number in the store. */
export interface Entry {
  readonly n: number;
  readonly version: number;
  readonly space: string;
  readonly kind: string;
  readonly thread: string | undefined;
  readonly place: Place | undefined;
  readonly author: string | undefined;
  readonly path: string | undefined;
  readonly tags: readonly string[];
  /** Epoch milliseconds. */
  readonly startsAt: number;
  readonly endsAt: number | undefined;
  readonly updatedAt: number;
}

/** BM25 of what is allowed, by slot and by session. Not divided by anything. */
export interface WordScores {
  readonly bySlot: Float64Array;
  readonly bySession: Float64Array;
}

/**
 * An inverted index in memory over the words of memories and of the sessions they are part of. Entries live in slots;
 * a slot is never used twice, and holes are closed by building the index again.
 */
export interface WordIndex {
  /** Puts an entry in the place of the one with its number. */
  put(entry: Entry, terms: ReadonlyMap<string, number>): void;
  drop(n: number): void;
  /** Number of entries. */
  readonly size: number;
  /** Slots are below this. */
  readonly slots: number;
  readonly holes: number;
  entryAt(slot: number): Entry | undefined;
  slotOf(n: number): number | undefined;
  /** The session number of a slot, -1 for none. */
  sessionAt(slot: number): number;
  /** Slots of a session by their place in it. */
  membersOf(session: number): readonly number[];
  /**
   * Scores the allowed slots (1 in `allowed`). Frequencies and lengths count within them: a word that all of a thread
   * share says nothing there.
   */
  score(terms: readonly string[], allowed: Uint8Array): WordScores;
}

const K1 = 1.2;
const B = 0.75;

interface Postings {
  readonly slots: number[];
  readonly counts: number[];
}

interface Session {
  readonly members: number[];
  isSorted: boolean;
}

export function wordIndex(): WordIndex {
  const entries: (Entry | undefined)[] = [];
  const lengths: number[] = [];
  const sessionOf: number[] = [];
  const slotByNumber = new Map<number, number>();
  const postings = new Map<string, Postings>();
  const sessions: Session[] = [];
  const sessionByKey = new Map<string, number>();
  let size = 0;

  const sessionFor = (entry: Entry, slot: number): number => {
    if (entry.place === undefined) return -1;
    const key = JSON.stringify([entry.space, entry.place.session]);
    const number = sessionByKey.get(key) ?? sessions.length;
    const session = sessions[number] ?? { members: [], isSorted: true };
    if (number === sessions.length) {
      sessions.push(session);
      sessionByKey.set(key, number);
    }
    session.members.push(slot);
    session.isSorted = false;
    return number;
  };
  const inOrder = (a: number, b: number): number => {
    const [one, other] = [entries[a], entries[b]];
    return (one?.place?.seq ?? 0) - (other?.place?.seq ?? 0) || (one?.n ?? 0) - (other?.n ?? 0);
  };
  const drop = (n: number): void => {
    const slot = slotByNumber.get(n);
    if (slot === undefined) return;
    slotByNumber.delete(n);
    entries[slot] = undefined;
    size -= 1;
    const session = sessions[sessionOf[slot] ?? -1];
    const at = session?.members.indexOf(slot) ?? -1;
    if (at >= 0) session?.members.splice(at, 1);
  };

  return {
    get size() {
      return size;
    },
    get slots() {
      return entries.length;
    },
    get holes() {
      return entries.length - size;
    },
    put(entry, terms) {
      drop(entry.n);
      const slot = entries.length;
      entries.push(entry);
      slotByNumber.set(entry.n, slot);
      size += 1;
      let length = 0;
      for (const [term, count] of terms) {
        length += count;
        const known = postings.get(term);
        if (known === undefined) postings.set(term, { slots: [slot], counts: [count] });
        else {
          known.slots.push(slot);
          known.counts.push(count);
        }
      }
      lengths.push(length);
      sessionOf.push(sessionFor(entry, slot));
    },
    drop,
    entryAt: (slot) => entries[slot],
    slotOf: (n) => slotByNumber.get(n),
    sessionAt: (slot) => sessionOf[slot] ?? -1,
    membersOf(number) {
      const session = sessions[number];
      if (session === undefined) return [];
      if (!session.isSorted) {
        session.members.sort(inOrder);
        session.isSorted = true;
      }
      return session.members;
    },
    score(terms, allowed) {
      const bySlot = new Float64Array(entries.length);
      const bySession = new Float64Array(sessions.length);
      const { count, length, sessionCount, sessionLengths } = sizesOf(
        allowed,
        lengths,
        sessionOf,
        sessions.length,
      );
      if (count === 0) return { bySlot, bySession };
      const average = length / count;
      const sessionAverage = sessionLengths.reduce((sum, one) => sum + one, 0) / Math.max(1, sessionCount);
      const inSession = new Float64Array(sessions.length);
      for (const term of terms) {
        const found = postings.get(term);
        if (found === undefined) continue;
        const { slots, counts } = found;
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
        const weight = rarity(holders, count);
        for (let at = 0; at < slots.length; at += 1) {
          const slot = slots[at] ?? 0;
          if (allowed[slot] === 1)
            bySlot[slot] =
              (bySlot[slot] ?? 0) + weight * saturated(counts[at] ?? 0, (lengths[slot] ?? 0) / average);
        }
        const sessionWeight = rarity(touched.length, sessionCount);
        for (const session of touched) {
          const relative = (sessionLengths[session] ?? 0) / sessionAverage;
          bySession[session] =
            (bySession[session] ?? 0) + sessionWeight * saturated(inSession[session] ?? 0, relative);
          inSession[session] = 0;
        }
      }
      return { bySlot, bySession };
    },
  };
}

function sizesOf(
  allowed: Uint8Array,
  lengths: readonly number[],
  sessionOf: readonly number[],
  sessions: number,
): {
  readonly count: number;
  readonly length: number;
  readonly sessionCount: number;
  readonly sessionLengths: Float64Array;
} {
  const sessionLengths = new Float64Array(sessions);
  let [count, length, sessionCount] = [0, 0, 0];
  for (let slot = 0; slot < lengths.length; slot += 1) {
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

/** Source: inverse document frequency of BM25 as in Lucene, which is never negative. */
function rarity(holders: number, all: number): number {
  return Math.log(1 + (all - holders + 0.5) / (holders + 0.5));
}

/** Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), k1 = 1.2, b = 0.75. */
function saturated(count: number, relativeLength: number): number {
  return (count * (K1 + 1)) / (count + K1 * (1 - B + B * relativeLength));
}
