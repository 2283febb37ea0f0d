import { createHash } from "node:crypto";
import { DomainError } from "../../../kernel/errors.ts";
import type { Store } from "../../../kernel/store.ts";
import { embeddedText, unit, type Embedder } from "../domain/embedder.ts";
import type { VectorIndex } from "../domain/vector-index.ts";
import type { MemoryTx } from "../store/port.ts";

/** How many memories are embedded inside one recall; a larger backlog is left to `slipway memory embed`. */
const AT_ONCE = 256;

/** What is embedded in one go, and written in one transaction. */
const PAGE = 64;

/** Vectors read into the index in one go. */
const LOADED = 1_000;

/** How many of the nearest are candidates. */
const NEAREST = 200;

export interface Prepared {
  /** The query's vector, or why there is none. */
  readonly query: Float32Array | undefined;
  readonly reason: string | undefined;
}

/** How near memories are to a query by number, 0..1, or why that is not known. */
export type Nearness = ReadonlyMap<number, number> | { readonly reason: string };

/** What recall knows of vectors. Vectors of another model than the configured one are never looked at. */
export interface RecallVectors {
  /** Embeds a query and what changed since the last time. Call it outside a read; an embedder that fails is a reason. */
  prepare(query: string): Promise<Prepared>;
  /**
   * The nearest counts 1, the last of the candidates 0. Inside a read.
   *
   * @param versionOf Of a memory that may be found; a vector that was made from another version is passed over.
   */
  near(
    tx: Pick<MemoryTx, "vectorVersions">,
    query: Float32Array,
    versionOf: (n: number) => number | undefined,
  ): Promise<Nearness>;
  /** Embeds up to so many memories. @returns how many were, and whether there is more. @throws what the embedder throws. */
  embedSome(most: number): Promise<{ readonly done: number; readonly hasMore: boolean }>;
  /** Puts vectors of the store into the index, as many as one call may. @returns how many, and whether there is more. */
  indexSome(): Promise<{ readonly done: number; readonly hasMore: boolean }>;
  readonly model: string | undefined;
}

/** Makes the index of a model's vectors. */
export type IndexOf = (dimension: number, model: string) => VectorIndex | Promise<VectorIndex>;

/** Follows the store with one embedder; without one every recall is told so. */
export function recallVectors(
  store: Store<MemoryTx>,
  embedder: Embedder | undefined,
  indexOf: IndexOf,
): RecallVectors {
  if (embedder === undefined)
    return {
      model: undefined,
      prepare: async () => ({ query: undefined, reason: "no embedder is configured: set SLIPWAY_EMBEDDER" }),
      near: async () => new Map(),
      embedSome: async () => ({ done: 0, hasMore: false }),
      indexSome: async () => ({ done: 0, hasMore: false }),
    };
  const { model } = embedder;
  const writer = { principal: { id: "slipway memory embed" }, once: undefined };
  let index: VectorIndex | undefined;
  let embedded = 0;
  let queue: Promise<unknown> = Promise.resolve();
  /** One at a time: two recalls at once would embed and put the same texts twice. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = queue.then(work);
    queue = turn.catch(() => undefined);
    return turn;
  };

  const embedPage = async (): Promise<{ readonly done: number; readonly hasMore: boolean }> => {
    const { pending, newest } = await store.read(async (tx) => ({
      pending: await tx.withoutVector(model, embedded, PAGE),
      newest: await tx.lastChange(),
    }));
    const texts = pending.map(embeddedText);
    const digests = texts.map(digestOf);
    const known = await store.read((tx) => tx.vectorsOf(model, digests));
    const missing = new Map(texts.map((text, at) => [digests[at] ?? "", text]));
    for (const digest of known.keys()) missing.delete(digest);
    const made = missing.size === 0 ? [] : (await embedder.embed([...missing.values()])).map(unit);
    const fresh = new Map([...missing.keys()].map((digest, at) => [digest, made[at]]));
    const vectors = pending.flatMap(({ n, version }, at) => {
      const digest = digests[at] ?? "";
      const values = known.get(digest) ?? fresh.get(digest);
      return values === undefined ? [] : [{ n, version, digest, values }];
    });
    if (vectors.length > 0) await store.write(writer, (tx) => tx.putVectors(model, vectors));
    const hasMore = pending.length === PAGE;
    embedded = hasMore ? (pending.at(-1)?.seq ?? embedded) : newest;
    return { done: vectors.length, hasMore };
  };
  const embedMost = async (most: number) => {
    let done = 0;
    let hasMore = true;
    while (hasMore && done < most) {
      const page = await embedPage();
      done += page.done;
      hasMore = page.hasMore;
    }
    return { done, hasMore };
  };
  /** An index that outlived another process may hold what the store has lost since, by a purge or a restore. */
  const opened = async (dimension: number): Promise<VectorIndex> => {
    const made = await indexOf(dimension, model);
    const { newest, count } = await store.read((tx) => tx.vectorState(model));
    if ((await made.mark()) > newest || (await made.size()) > count) await made.clear();
    return made;
  };
  const indexMost = async () => {
    let done = 0;
    for (;;) {
      const from = index === undefined ? 0 : await index.mark();
      const most = Math.min(LOADED, (index?.putsAtOnce ?? LOADED) - done);
      if (most <= 0) return { done, hasMore: true };
      const page = await store.read((tx) => tx.vectorsAfter(model, from, most));
      const [first, last] = [page.at(0), page.at(-1)];
      if (first === undefined || last === undefined) return { done, hasMore: false };
      if (index === undefined) {
        index = await opened(first.values.length);
        continue;
      }
      await index.put(page, last.seq);
      done += page.length;
    }
  };
  const reasonOf = (error: unknown): string => {
    if (!(error instanceof DomainError)) throw error;
    return [error.message, error.hint ?? []].flat().join("; ");
  };
  const prepared = async (query: string): Promise<Prepared> => {
    const embedding = await inTurn(() => embedMost(AT_ONCE));
    if (embedding.hasMore)
      return { query: undefined, reason: "many memories are not embedded yet: run slipway memory embed" };
    const indexing = await inTurn(indexMost);
    if (indexing.hasMore)
      return {
        query: undefined,
        reason: "the vector index is being filled: ask again, or run slipway memory embed",
      };
    const [vector] = await embedder.embed([embeddedText({ title: undefined, text: query })]);
    return { query: vector === undefined ? undefined : unit(vector), reason: undefined };
  };
  return {
    model,
    embedSome: (most) => inTurn(() => embedMost(most)),
    indexSome: () => inTurn(indexMost),
    async prepare(query) {
      try {
        return await prepared(query);
      } catch (error) {
        return { query: undefined, reason: reasonOf(error) };
      }
    },
    async near(tx, query, versionOf) {
      if (index === undefined) return new Map();
      try {
        const found = await index.nearest(query, NEAREST, (n) => versionOf(n) !== undefined);
        const versions = await tx.vectorVersions(
          model,
          found.map(({ n }) => n),
        );
        const current = found.filter(({ n }) => versions.get(n) === versionOf(n));
        const [top, last] = [
          current.at(0)?.cosine ?? 0,
          current.length < 2 ? -1 : (current.at(-1)?.cosine ?? 0),
        ];
        const span = top - last;
        return new Map(current.map(({ n, cosine }) => [n, span === 0 ? 1 : (cosine - last) / span]));
      } catch (error) {
        return { reason: reasonOf(error) };
      }
    },
  };
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
