import { rankFiles } from "../domain/file-rank.ts";
import { groupBest } from "../domain/group.ts";
import type { Match, Why } from "../domain/hit.ts";
import { sessionKey } from "../domain/memory.ts";
import { namesIn, pathsIn } from "../domain/query.ts";
import { rank, type Grouping, type Ranked } from "../domain/rank.ts";
import { posteriorMean } from "../domain/rating.ts";
import type { Weights } from "../domain/weights.ts";
import type { EntryFilter, WordIndex } from "../domain/word-index.ts";
import type { MemoryRecords, MemoryTx, Search } from "./port.ts";

export const RETRIEVERS = ["lexical", "vector", "graph", "recency", "usage"] as const;

export type Retriever = (typeof RETRIEVERS)[number];

export interface Question {
  readonly query: string;
  readonly search: Search;
  readonly session: string | undefined;
  readonly asked: ReadonlySet<Retriever>;
  readonly groupBy: Grouping | undefined;
  /** The most matches, beside one that tells of more. */
  readonly k: number;
  /** How many memories before and after each match in its session come with it. */
  readonly expand: number;
  readonly weights: Weights;
  /** How near memories are to the query's vector, or why that is not known. */
  readonly vector: NearOf | Reason;
}

/** How near memories are by number, 0..1, of those that have a version here; or why that is not known. */
type NearOf = (
  tx: MemoryTx,
  versionOf: (n: number) => number | undefined,
) => Promise<ReadonlyMap<number, number> | Reason>;

interface Reason {
  readonly reason: string;
}

export interface Findings {
  readonly found: readonly Match[];
  readonly hasMore: boolean;
  readonly used: readonly Retriever[];
  readonly skipped: readonly { readonly name: Retriever; readonly reason: string }[];
  /** The copy of the index is not complete yet: have it loaded. */
  readonly isLoading: boolean;
}

/** A copy in memory of what is ranked, as of what the read sees; undefined while it is not complete. */
export interface RankedCopy {
  current(rows: Pick<MemoryRecords, "changesAfter" | "lastChange">): Promise<WordIndex | undefined>;
}

/** Before usage is looked up, and before groups are made where only words are asked. */
const POOL = 200;
const GROUPING_POOL = 500;

/** Finds what a question asks for, on the snapshot of one read. */
export async function findMemories(question: Question, tx: MemoryTx, index: RankedCopy): Promise<Findings> {
  const { search } = question;
  if (search.asOf !== undefined) return byWords(question, tx, "as_of is answered by words alone");
  if (await tx.holdsReplaced(search.now))
    return byWords(question, tx, "versions that hold only later are told apart by words alone");
  const copy = await index.current(tx);
  if (copy !== undefined) return byAll(question, tx, copy);
  const findings = await byWords(question, tx, "its index is being loaded; ask again in a few seconds");
  return { ...findings, isLoading: true };
}

async function byAll(question: Question, tx: MemoryTx, index: WordIndex): Promise<Findings> {
  const { search, asked, weights, groupBy, k } = question;
  const uses = { lexical: asked.has("lexical"), graph: asked.has("graph") };
  const allowed = index.allowed(await filterOf(question, tx));
  const nearness = asked.has("vector") ? await nearnessOf(question.vector, tx, index, allowed) : undefined;
  const near = nearness === undefined || "reason" in nearness ? undefined : nearness;
  const ranked = rank(index, {
    terms: search.terms,
    // Files are ranked with their names by a rule of their own.
    paths: uses.graph && groupBy !== "file" ? pathsIn(question.query) : [],
    allowed,
    now: search.now,
    uses,
    vector: near,
    entity: uses.graph ? await tx.mentionsOf(namesIn(question.query)) : new Map(),
    weights: asked.has("recency") ? weights : { ...weights, recency: 0 },
    groupBy: groupBy === "file" ? undefined : groupBy,
    limit: groupBy === "file" ? GROUPING_POOL : Math.max(POOL, 2 * k),
  });
  const rated = asked.has("usage") ? await withUsage(ranked, tx, weights.usage) : ranked.map(unrated);
  const ordered = groupBy === "file" ? await byFile(rated, question.query, tx) : rated;
  const best = ordered.slice(0, k);
  const around = best.map(({ n }) => neighboursOf(n, question.expand, index));
  const memories = await tx.findNumbers([...best.map(({ n }) => n), ...around.flat()]);
  const shown = (name: Retriever, value: number): number | null => (asked.has(name) ? value : null);
  return {
    found: best.flatMap((one, at) => {
      const memory = memories.get(one.n);
      if (memory === undefined) return [];
      const why = {
        lexical: shown("lexical", one.lexical),
        vector: near === undefined ? null : one.vector,
        graph: shown("graph", one.graph),
        recency: shown("recency", one.recency),
        usage: shown("usage", one.usage),
      };
      const beside = (around[at] ?? []).flatMap((n) => memories.get(n) ?? []);
      return [{ memory, score: one.score, why, around: beside }];
    }),
    hasMore: ordered.length > k,
    used: RETRIEVERS.filter((name) => asked.has(name) && (name !== "vector" || near !== undefined)),
    skipped:
      nearness !== undefined && "reason" in nearness ? [{ name: "vector", reason: nearness.reason }] : [],
    isLoading: false,
  };
}

async function nearnessOf(
  vector: Question["vector"],
  tx: MemoryTx,
  index: WordIndex,
  allowed: Uint8Array,
): Promise<ReadonlyMap<number, number> | Reason> {
  if (typeof vector !== "function") return vector;
  return vector(tx, (n) => {
    const slot = index.slotOf(n) ?? -1;
    return allowed[slot] === 1 ? index.columns.version[slot] : undefined;
  });
}

/** The best match of each file, in the order of the files. */
async function byFile(rated: readonly Rated[], query: string, tx: MemoryTx): Promise<readonly Rated[]> {
  const memories = await tx.findNumbers(rated.map(({ n }) => n));
  const matches = rated.flatMap((one) => {
    const memory = memories.get(one.n);
    return memory === undefined ? [] : [{ memory, lexical: one.score, one }];
  });
  return rankFiles(matches, query).map(({ one, lexical: score }) => ({ ...one, score }));
}

type Rated = Ranked & { readonly usage: number };

function unrated(ranked: Ranked): Rated {
  return { ...ranked, usage: 0 };
}

/** Moves what worked up and what failed down; what nobody rated stays. */
async function withUsage(ranked: readonly Ranked[], tx: MemoryTx, weight: number): Promise<readonly Rated[]> {
  const ratings = await tx.ratingsAt(ranked.map(({ n }) => n));
  const rated = ranked.map((one) => {
    const known = ratings.get(one.n);
    const usage = known === undefined ? 0 : weight * (2 * posteriorMean(known) - 1);
    return { ...one, usage, score: one.score + usage };
  });
  return rated.sort((a, b) => b.score - a.score);
}

async function filterOf({ search, session }: Question, tx: MemoryTx): Promise<EntryFilter> {
  const { space, kinds, tags = [], thread, where, now } = search;
  return {
    space,
    kinds,
    tags,
    thread,
    session: session === undefined || thread === undefined ? undefined : sessionKey({ id: thread, session }),
    numbers: where === undefined ? undefined : await tx.numbersWhere(space, where),
    now,
  };
}

/** Numbers of the memories just before and after one in its session, in their order. */
function neighboursOf(n: number, count: number, index: WordIndex): readonly number[] {
  const slot = index.slotOf(n);
  if (slot === undefined || count === 0) return [];
  const { session, n: numbers } = index.columns;
  const members = index.membersOf(session[slot] ?? -1);
  const at = members.indexOf(slot);
  return members
    .slice(Math.max(0, at - count), at + count + 1)
    .flatMap((member) => (member === slot ? [] : (numbers[member] ?? [])));
}

/** What the index in the store finds without the copy in memory: words alone, at any time. */
async function byWords(question: Question, tx: MemoryTx, reason: string): Promise<Findings> {
  const { search, asked, groupBy, k, weights } = question;
  const isAsked = asked.has("lexical");
  const limit = groupBy === undefined ? k + 1 : GROUPING_POOL;
  const matches = isAsked ? await tx.search({ ...search, limit }) : [];
  const grouped =
    groupBy === undefined
      ? matches
      : groupBy === "file"
        ? rankFiles(matches, question.query)
        : groupBest(matches, groupBy);
  const most = grouped.reduce((best, { lexical }) => Math.max(best, lexical), 0);
  return {
    found: grouped.slice(0, k).map(({ memory, lexical }) => {
      const score = most === 0 ? 0 : (weights.lexical * lexical) / most;
      return { memory, score, why: { ...NOTHING, lexical: score }, around: [] };
    }),
    hasMore: grouped.length > k || matches.length === GROUPING_POOL,
    used: isAsked ? ["lexical"] : [],
    skipped: RETRIEVERS.filter((name) => name !== "lexical" && asked.has(name)).map((name) => ({
      name,
      reason: name === "vector" && typeof question.vector !== "function" ? question.vector.reason : reason,
    })),
    isLoading: false,
  };
}

const NOTHING: Why = { lexical: null, vector: null, graph: null, recency: null, usage: null };
