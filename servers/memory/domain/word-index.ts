import { NONE, numberColumn, textColumn, type TextColumn } from "./columns.ts";
import { scoreWords, type Postings, type WordScores } from "./word-scores.ts";

/** Where an indexed memory stands in a thread. */
export interface Place {
  /** The thread, and the session inside it where it has sessions. */
  readonly session: string;
  readonly seq: number;
}

/** One memory as it is put into the index. `n` is its number in the store. */
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

/** What may be found. Every given condition must hold. */
export interface EntryFilter {
  readonly space: string;
  /** Any of them. */
  readonly kinds: readonly string[] | undefined;
  /** All of them. */
  readonly tags: readonly string[];
  readonly thread: string | undefined;
  /** As in `Place`. */
  readonly session: string | undefined;
  /** Memories by their number. */
  readonly numbers: ReadonlySet<number> | undefined;
  /** Epoch milliseconds: it holds then. */
  readonly now: number;
}

/** What is known of each slot, at least `slots` long. */
export interface Columns {
  /** The memory's number in the store. */
  readonly n: Float64Array;
  readonly version: Float64Array;
  /** Epoch milliseconds. */
  readonly updatedAt: Float64Array;
  /** The session's number, -1 for none. */
  readonly session: Float64Array;
  readonly thread: Pick<TextColumn, "codes" | "texts">;
  readonly author: Pick<TextColumn, "codes" | "texts">;
  readonly path: Pick<TextColumn, "codes" | "texts">;
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
  /** Read it anew after a put. */
  readonly columns: Columns;
  slotOf(n: number): number | undefined;
  /** Slots of a session by their place in it. */
  membersOf(session: number): readonly number[];
  /** 1 for each slot that may be found. */
  allowed(filter: EntryFilter): Uint8Array;
  /** Scores the allowed slots, within them, as `scoreWords` does. */
  score(terms: readonly string[], allowed: Uint8Array): WordScores;
}

interface Session {
  readonly members: number[];
  isSorted: boolean;
}

export function wordIndex(): WordIndex {
  const [numbers, versions, lengths, updated] = [
    numberColumn(),
    numberColumn(),
    numberColumn(),
    numberColumn(),
  ];
  const [starts, ends, seqs, sessionOf] = [numberColumn(), numberColumn(), numberColumn(), numberColumn()];
  const [spaces, kinds, threads, authors, paths] = [
    textColumn(),
    textColumn(),
    textColumn(),
    textColumn(),
    textColumn(),
  ];
  const tags: (readonly string[])[] = [];
  const slotByNumber = new Map<number, number>();
  const postings = new Map<string, Postings>();
  const sessions: Session[] = [];
  const sessionByKey = new Map<string, number>();

  const sessionFor = ({ space, place }: Entry, slot: number): number => {
    if (place === undefined) return NONE;
    const key = sessionNameOf(space, place.session);
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
  const inOrder = (a: number, b: number): number =>
    (seqs.values[a] ?? 0) - (seqs.values[b] ?? 0) || (numbers.values[a] ?? 0) - (numbers.values[b] ?? 0);
  const drop = (n: number): void => {
    const slot = slotByNumber.get(n);
    if (slot === undefined) return;
    slotByNumber.delete(n);
    // No filter names this space.
    spaces.codes[slot] = NONE;
    const session = sessions[sessionOf.values[slot] ?? NONE];
    const at = session?.members.indexOf(slot) ?? -1;
    if (at >= 0) session?.members.splice(at, 1);
  };

  return {
    get size() {
      return slotByNumber.size;
    },
    get slots() {
      return numbers.length;
    },
    get holes() {
      return numbers.length - slotByNumber.size;
    },
    get columns() {
      return {
        n: numbers.values,
        version: versions.values,
        updatedAt: updated.values,
        session: sessionOf.values,
        thread: threads,
        author: authors,
        path: paths,
      };
    },
    put(entry, terms) {
      drop(entry.n);
      const slot = numbers.length;
      slotByNumber.set(entry.n, slot);
      numbers.push(entry.n);
      versions.push(entry.version);
      updated.push(entry.updatedAt);
      starts.push(entry.startsAt);
      ends.push(entry.endsAt ?? Number.POSITIVE_INFINITY);
      seqs.push(entry.place?.seq ?? 0);
      spaces.push(entry.space);
      kinds.push(entry.kind);
      threads.push(entry.thread);
      authors.push(entry.author);
      paths.push(entry.path);
      tags.push(entry.tags);
      sessionOf.push(sessionFor(entry, slot));
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
    },
    drop,
    slotOf: (n) => slotByNumber.get(n),
    membersOf(number) {
      const session = sessions[number];
      if (session === undefined) return [];
      if (!session.isSorted) {
        session.members.sort(inOrder);
        session.isSorted = true;
      }
      return session.members;
    },
    allowed(filter) {
      const allowed = new Uint8Array(numbers.length);
      const { now, tags: wantedTags, numbers: wantedNumbers } = filter;
      const space = spaces.codeOf(filter.space);
      const thread = filter.thread === undefined ? undefined : threads.codeOf(filter.thread);
      const session =
        filter.session === undefined
          ? undefined
          : (sessionByKey.get(sessionNameOf(filter.space, filter.session)) ?? NONE);
      if (space === NONE || thread === NONE || session === NONE) return allowed;
      const wantedKinds = filter.kinds === undefined ? undefined : new Set(filter.kinds.map(kinds.codeOf));
      const [inSpace, ofKind, inThread] = [spaces.codes, kinds.codes, threads.codes];
      const [from, until, changed] = [starts.values, ends.values, updated.values];
      const [inSession, number] = [sessionOf.values, numbers.values];
      for (let slot = 0; slot < allowed.length; slot += 1) {
        if (inSpace[slot] !== space || (until[slot] ?? 0) <= now) continue;
        // What holds since it was recorded holds now, even if the clock was set back meanwhile.
        if ((from[slot] ?? 0) > now && from[slot] !== changed[slot]) continue;
        if (thread !== undefined && inThread[slot] !== thread) continue;
        if (session !== undefined && inSession[slot] !== session) continue;
        if (wantedKinds?.has(ofKind[slot] ?? NONE) === false) continue;
        if (wantedNumbers?.has(number[slot] ?? NONE) === false) continue;
        if (wantedTags.some((tag) => tags[slot]?.includes(tag) !== true)) continue;
        allowed[slot] = 1;
      }
      return allowed;
    },
    score(terms, allowed) {
      return scoreWords(
        terms.flatMap((term) => postings.get(term) ?? []),
        { allowed, lengths: lengths.values, sessionOf: sessionOf.values, sessions: sessions.length },
      );
    },
  };
}

function sessionNameOf(space: string, session: string): string {
  return JSON.stringify([space, session]);
}
