import type { Emit } from "../../../kernel/store.ts";
import type { Pair } from "../domain/code/co-change.ts";
import type { CodeEdge } from "../domain/code/code-graph.ts";
import type { CodeFacts } from "../domain/code/facts.ts";
import type { Writing } from "../domain/draft.ts";
import type { Entity, EntityDraft, RelationDraft } from "../domain/graph.ts";
import type { Ratings } from "../domain/rating.ts";
import type { Direction, Link } from "../domain/walk.ts";
import type { Kind, Memory } from "../domain/memory.ts";

/** What a search may be narrowed to. Every given filter must hold. */
export interface SearchFilter {
  readonly space: string;
  /** Any of them. */
  readonly kinds?: readonly Kind[] | undefined;
  /** All of them. */
  readonly tags?: readonly string[] | undefined;
  readonly thread?: string | undefined;
  /** Metadata keys and the values one of which each must have. */
  readonly where?:
    | readonly { readonly key: string; readonly any: readonly (string | number | boolean | null)[] }[]
    | undefined;
}

export interface Search extends SearchFilter {
  /** Tokens of domain/tokens.ts; a memory matches with any of them. */
  readonly terms: readonly string[];
  /** Epoch milliseconds: versions that hold at this time. Undefined: those that hold now. */
  readonly asOf: number | undefined;
  readonly now: number;
  readonly limit: number;
}

export interface Match {
  readonly memory: Memory;
  /** BM25, larger is better. */
  readonly lexical: number;
}

/** A memory that changed. Undefined: it is gone. */
export interface Change {
  readonly seq: number;
  readonly n: number;
  readonly memory: Memory | undefined;
}

export interface MemoryRecords {
  /** Current versions by id; unknown ids are absent. */
  find(ids: readonly string[]): Promise<ReadonlyMap<string, Memory>>;
  /** A memory that still holds and has the same space, kind, text, source and thread. */
  findTwin(memory: Memory, now: number): Promise<Memory | undefined>;
  add(memory: Memory): Promise<void>;
  /** Puts the next version in place; the one before goes to the history. */
  replace(before: Memory, after: Memory): Promise<void>;
  /** Puts a version that holds no more in place of the one before, as `replace` does. Records nothing. */
  end(before: Memory, after: Memory): Promise<void>;
  /**
   * Removes memories, their history, mentions and search entries; no word of them is left in an index. Records nothing.
   * Entities stay. Unknown ids are passed over. Takes longer with the size of the index.
   *
   * @returns how many versions each had.
   */
  purge(ids: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Ends `old` where `by` begins. */
  supersede(old: Memory, by: Memory): Promise<void>;
  /** By words alone, best first; equals by the newest, then by id. */
  search(search: Search): Promise<readonly Match[]>;
  /** Whether a replaced version holds at a time: one whose successor holds only later. */
  holdsReplaced(at: number): Promise<boolean>;
  /** The newest number of the log of changes, 0 for none. */
  lastChange(): Promise<number>;
  /** Memories changed after a number of that log, in order, each with its latest change only. */
  changesAfter(seq: number, limit: number): Promise<readonly Change[]>;
  /** Current versions by their number; unknown numbers are absent. */
  findNumbers(numbers: readonly number[]): Promise<ReadonlyMap<number, Memory>>;
  /** Numbers of the memories of a space whose metadata fits. */
  numbersWhere(space: string, where: NonNullable<SearchFilter["where"]>): Promise<ReadonlySet<number>>;
  /**
   * Drops the search index and builds it again from the records. Returns how many versions it holds. Scores may move
   * a little: until then FTS5 counts the lengths of replaced texts in its averages.
   */
  rebuildSearch(): Promise<number>;
}

/** An entity or a relation after it was related, and what happened to it. */
export interface Related {
  readonly id: string;
  readonly status: "created" | "updated" | "unchanged";
}

/** A row of the graph: small numbers that never change and are never used twice. */
export interface Edge {
  readonly n: number;
  readonly from: number;
  readonly to: number;
}

export interface GraphState {
  /** Grows when anything was removed. */
  readonly epoch: number;
  /** The newest relation, 0 for none. */
  readonly last: number;
}

/** Which relations to look at. */
export interface LinkFilter {
  /** Any of them; undefined: all. */
  readonly types: readonly string[] | undefined;
  readonly direction: Direction;
  readonly limit: number;
}

export interface MemoryGraph {
  relateEntity(draft: EntityDraft, now: number): Promise<Related>;
  /**
   * Adds a relation. An end is the name or the id of an entity; a name nobody has declared becomes an untyped entity.
   *
   * @throws {DomainError} invalid when several entities share an end's name, not_found for an unknown id.
   */
  relate(draft: RelationDraft, now: number): Promise<Related & { readonly added: readonly Entity[] }>;
  /**
   * How near memories are to entities of these names, by the memories' numbers: 1 for those that mention one, less for
   * those that mention an entity related to it, the less the more relations it has.
   */
  mentionsOf(names: readonly string[]): Promise<ReadonlyMap<number, number>>;
  /** Numbers of the entities with this name or id, whatever their type. */
  numbersOf(nameOrId: string): Promise<readonly number[]>;
  /** Entities by number; unknown numbers are absent. */
  entities(numbers: readonly number[]): Promise<ReadonlyMap<number, Entity>>;
  graphState(): Promise<GraphState>;
  /** Relations that leave (`out`), enter (`in`) or touch any of the entities, all where none are given; oldest first. */
  linksOf(numbers: readonly number[] | undefined, filter: LinkFilter): Promise<readonly Link[]>;
  /** Relations with both ends among the entities, oldest first. */
  linksAmong(numbers: readonly number[], filter: Omit<LinkFilter, "direction">): Promise<readonly Link[]>;
  /** The entities with the most relations, or those of the given ones; the most first, equals by number. */
  degrees(
    numbers: readonly number[] | undefined,
    filter: LinkFilter,
  ): Promise<readonly { readonly n: number; readonly degree: number }[]>;
  /** Dependencies with a larger number than `after`, in order. */
  edgesAfter(after: number, limit: number): Promise<readonly Edge[]>;
}

export interface Counts {
  readonly memories: number;
  /** Versions in the history. */
  readonly replaced: number;
  readonly entities: number;
  readonly relations: number;
  readonly observations: number;
  /** Refused changes of stale versions, ever. */
  readonly conflicts: number;
  /** Entries of the search index, for current and replaced versions. */
  readonly indexed: number;
  readonly kinds: ReadonlyMap<string, number>;
  /** The largest spaces. */
  readonly spaces: ReadonlyMap<string, number>;
}

/** How far a check has come. */
export interface CheckPoint {
  readonly shelf: "memory" | "memory_version";
  readonly after: number;
}

export interface MemoryHealth {
  counts(): Promise<Counts>;
  /** What is wrong with the search index as a whole, or undefined. */
  indexDamage(): Promise<string | undefined>;
  /** Ids of records, among the next `limit`, that the search index does not find by their own words. */
  unreachable(
    from: CheckPoint,
    limit: number,
  ): Promise<{ readonly ids: readonly string[]; readonly next: CheckPoint | undefined }>;
}

export interface MemoryRatings {
  /** Ratings by the number of the memory; those nobody rated are absent. */
  ratingsAt(numbers: readonly number[]): Promise<ReadonlyMap<number, Ratings>>;
  /** Undefined for an unknown memory; zeros for one that nobody rated. */
  ratingsOf(id: string): Promise<Ratings | undefined>;
  /** Keeps the ratings of a known memory. */
  setRatings(id: string, ratings: Ratings): Promise<void>;
}

/** A folder of sources and how the names of its files begin here. */
export interface CodeTree {
  readonly n: number;
  /** Real path. */
  readonly root: string;
  readonly prefix: string;
}

/** What is known of a source file from the last time it was read. */
export interface CodeFile {
  readonly path: string;
  readonly blob: string;
  /** Which reader made the facts; an older one's are made again. */
  readonly reader: number;
  readonly facts: CodeFacts;
}

export interface MemoryCode {
  /** The tree of a folder, added where it is new. Needs a write when it is. */
  codeTree(root: string): Promise<CodeTree>;
  codeTrees(): Promise<readonly CodeTree[]>;
  codeFiles(tree: CodeTree): Promise<readonly CodeFile[]>;
  /** Keeps a file's facts, and its text as a memory of kind code that search finds. No history: git has it. */
  keepCodeFile(tree: CodeTree, file: CodeFile & { readonly text: string }, writing: Writing): Promise<void>;
  /** Removes files and their memories. */
  dropCodeFiles(tree: CodeTree, paths: readonly string[]): Promise<void>;
  /** Makes the tree's part of the graph what is given. What others related stays, and so do its ends. */
  setCodeGraph(
    tree: CodeTree,
    edges: readonly CodeEdge[],
    pairs: readonly Pair[],
    now: number,
  ): Promise<{ readonly symbols: number; readonly edges: number }>;
}

/** A document as it was when it was last read. */
export interface KnownDocument {
  /** An address, a path, or the digest of a text. */
  readonly key: string;
  /** The memory that outlines it; its id is the thread of the chunks. */
  readonly memoryId: string;
  readonly digest: string;
  readonly etag: string | undefined;
  readonly chunks: number;
  readonly links: readonly string[];
}

export interface MemoryDocuments {
  findDocument(key: string): Promise<KnownDocument | undefined>;
  keepDocument(document: KnownDocument): Promise<void>;
  /** Current versions in a thread, those that hold no more too, oldest first. */
  inThread(id: string): Promise<readonly Memory[]>;
}

/** An entity with what was observed of it. */
export interface ExportedEntity {
  readonly n: number;
  readonly name: string;
  readonly type: string;
  readonly observations: readonly string[];
}

/** A relation by the names of its ends. */
export interface ExportedRelation {
  readonly n: number;
  readonly from: string;
  readonly type: string;
  readonly to: string;
  readonly properties: object;
}

/** Pages of everything but what came from indexed sources, in the order of `n`, from after a number on. */
export interface MemoryExport {
  memoriesAfter(
    n: number,
    limit: number,
    kind?: Kind,
  ): Promise<readonly { readonly n: number; readonly memory: Memory }[]>;
  entitiesAfter(n: number, limit: number): Promise<readonly ExportedEntity[]>;
  relationsAfter(n: number, limit: number): Promise<readonly ExportedRelation[]>;
}

/** Vectors of memories. One memory has one, of the model that embedded it last. */
export interface MemoryVectors {
  /** Vectors of a model, in the order they were put, after a number of that order. */
  vectorsAfter(
    model: string,
    seq: number,
    limit: number,
  ): Promise<
    readonly {
      readonly seq: number;
      readonly n: number;
      readonly version: number;
      readonly values: Float32Array;
    }[]
  >;
  /** Memories changed after a number of the log of changes whose current version has no vector of the model. */
  withoutVector(
    model: string,
    after: number,
    limit: number,
  ): Promise<
    readonly {
      readonly seq: number;
      readonly n: number;
      readonly version: number;
      readonly title: string | undefined;
      readonly text: string;
    }[]
  >;
  /** Vectors that the model has made of texts with these digests. */
  vectorsOf(model: string, digests: readonly string[]): Promise<ReadonlyMap<string, Float32Array>>;
  putVectors(
    model: string,
    vectors: readonly {
      readonly n: number;
      readonly version: number;
      readonly digest: string;
      readonly values: Float32Array;
    }[],
  ): Promise<void>;
  /** The version that each memory's vector of a model was made from, by number; those without one are absent. */
  vectorVersions(model: string, numbers: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** What an index outside the store is held against. */
  vectorState(model: string): Promise<{
    /** Names this store among others; copies of it have the same. */
    readonly id: string;
    /** The newest place in the order of vectors, of any model; 0 for none. */
    readonly newest: number;
    /** Vectors of the model. */
    readonly count: number;
  }>;
  /** Models that have vectors here, the most first. */
  vectorModels(): Promise<
    readonly { readonly model: string; readonly dimension: number; readonly vectors: number }[]
  >;
}

export interface MemoryTx
  extends
    MemoryRecords,
    MemoryGraph,
    MemoryHealth,
    MemoryRatings,
    MemoryCode,
    MemoryDocuments,
    MemoryExport,
    MemoryVectors {
  readonly emit: Emit;
}
