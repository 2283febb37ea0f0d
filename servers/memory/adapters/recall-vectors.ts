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
const LOADED = 2_000;

/** How many of the nearest are candidates. */
const NEAREST = 200;

export interface Prepared {
  /** The query's vector, or why there is none. */
  readonly query: Float32Array | undefined;
  readonly reason: string | undefined;
}

/** What recall knows of vectors. Vectors of another model than the configured one are never looked at. */
export interface RecallVectors {
  /** Embeds a query and what changed since the last time. Call it outside a read; an embedder that fails is a reason. */
  prepare(query: string): Promise<Prepared>;
  /** How near memories are to the query, 0..1 by number: the nearest 1, the last of the candidates 0. Inside a read. */
  near(
    tx: MemoryTx,
    query: Float32Array,
    accepts: (n: number, version: number) => boolean,
  ): Promise<ReadonlyMap<number, number>>;
  /** Embeds up to so many memories. @returns how many were, and whether there is more. @throws what the embedder throws. */
  embedSome(most: number): Promise<{ readonly done: number; readonly hasMore: boolean }>;
  readonly model: string | undefined;
}

/** Follows the store with one embedder; without one every recall is told so. */
export function recallVectors(
  store: Store<MemoryTx>,
  embedder: Embedder | undefined,
  indexOf: (dimension: number) => VectorIndex,
): RecallVectors {
  if (embedder === undefined)
    return {
      model: undefined,
      prepare: async () => ({ query: undefined, reason: "no embedder is configured: set SLIPWAY_EMBEDDER" }),
      near: async () => new Map(),
      embedSome: async () => ({ done: 0, hasMore: false }),
    };
  const { model } = embedder;
  const writer = { principal: { id: "slipway memory embed" }, once: undefined };
  let index: VectorIndex | undefined;
  let versions = new Map<number, number>();
  let loaded = 0;
  let embedded = 0;
  let queue: Promise<unknown> = Promise.resolve();

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
  /** One at a time: two recalls at once would embed the same texts twice. */
  const embedSome = (most: number) => {
    const turn = queue.then(() => embedMost(most));
    queue = turn.catch(() => undefined);
    return turn;
  };
  const load = async (tx: MemoryTx): Promise<void> => {
    let read = LOADED;
    while (read === LOADED) {
      const page = await tx.vectorsAfter(model, loaded, LOADED);
      read = page.length;
      const [first] = page;
      if (first === undefined) return;
      index ??= indexOf(first.values.length);
      await index.put(page);
      for (const { n, version } of page) versions.set(n, version);
      loaded = page.at(-1)?.seq ?? loaded;
    }
  };
  return {
    model,
    embedSome,
    async prepare(query) {
      try {
        const { hasMore } = await embedSome(AT_ONCE);
        if (hasMore)
          return { query: undefined, reason: "many memories are not embedded yet: run slipway memory embed" };
        const [vector] = await embedder.embed([embeddedText({ title: undefined, text: query })]);
        return { query: vector === undefined ? undefined : unit(vector), reason: undefined };
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        return { query: undefined, reason: [error.message, error.hint ?? []].flat().join("; ") };
      }
    },
    async near(tx, query, accepts) {
      await load(tx);
      if (index === undefined) return new Map();
      const found = await index.nearest(query, NEAREST, (n) => accepts(n, versions.get(n) ?? 0));
      const [top, last] = [found.at(0)?.cosine ?? 0, found.length < 2 ? -1 : (found.at(-1)?.cosine ?? 0)];
      const span = top - last;
      return new Map(found.map(({ n, cosine }) => [n, span === 0 ? 1 : (cosine - last) / span]));
    },
  };
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
