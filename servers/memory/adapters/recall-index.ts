import { setImmediate } from "node:timers/promises";
import type { Log } from "../../../kernel/log.ts";
import type { Store } from "../../../kernel/store.ts";
import type { MemoryRecords, MemoryTx } from "../store/port.ts";
import { indexedTerms } from "../domain/indexed-terms.ts";
import { sessionKey, type Memory } from "../domain/memory.ts";
import { wordIndex, type Entry, type WordIndex } from "../domain/word-index.ts";

/** A copy in memory of what recall ranks, brought up to date before each use. */
export interface RecallIndex {
  /** Call it inside a read: the copy then fits what that read sees. Undefined: there is too much to read; `load` it. */
  current(rows: Rows): Promise<WordIndex | undefined>;
  /** Reads a large store in the background, page by page, so that others get their turn. Call it outside a read. */
  load(): void;
  /** Ends that. */
  stop(): void;
}

type Rows = Pick<MemoryRecords, "changesAfter" | "lastChange">;

const PAGE = 500;

/** What a call reads itself; more than that is left to `load`. About a second of work. */
const AT_ONCE = 20_000;

/** Holes are closed when there are more of them than entries, and enough to matter. */
const MANY_HOLES = 1_000;

const MANY_WORDS = 50_000;

/**
 * Follows the store's log of changes, made by this process or another. A log that is shorter than what was read (an
 * older backup was brought back) makes it start over, and so do too many holes. A call reads up to `atOnce` changes.
 */
export function recallIndex(store: Store<MemoryTx>, log: Log, atOnce = AT_ONCE): RecallIndex {
  let index = wordIndex();
  let last = 0;
  let isLoading = false;
  let isStopped = false;
  const known = new Map<string, string>();
  /** Tokens of words read lately: texts share most of their words. */
  const seen = new Map<string, readonly string[]>();
  /** Equal names are one string, so that comparing them is comparing addresses. */
  const one = (text: string): string => {
    const same = known.get(text) ?? text;
    known.set(text, same);
    return same;
  };
  const startOverIfNeeded = (newest: number): void => {
    const isFull = index.holes > MANY_HOLES && index.holes > index.size;
    if (newest >= last && !isFull) return;
    index = wordIndex();
    last = 0;
    known.clear();
  };
  const readPage = async (rows: Rows): Promise<number> => {
    const changes = await rows.changesAfter(last, PAGE);
    for (const { seq, n, memory } of changes) {
      if (memory === undefined) index.drop(n);
      else index.put(entryOf(n, memory, one), indexedTerms(memory, seen));
      last = seq;
    }
    if (seen.size > MANY_WORDS) seen.clear();
    return changes.length;
  };
  const readMore = async (rows: Rows): Promise<boolean> => {
    const newest = await rows.lastChange();
    startOverIfNeeded(newest);
    return last < newest && (await readPage(rows)) > 0;
  };
  const loadAll = async (): Promise<void> => {
    let hasMore = true;
    while (hasMore) {
      hasMore = !isStopped && (await store.read(readMore));
      await setImmediate();
    }
  };
  return {
    async current(rows) {
      const newest = await rows.lastChange();
      startOverIfNeeded(newest);
      if (newest - last > atOnce) return undefined;
      let read = PAGE;
      while (read === PAGE) read = await readPage(rows);
      return index;
    },
    load() {
      if (isLoading) return;
      isLoading = true;
      void loadAll()
        .catch((error: unknown) => {
          if (!isStopped)
            log("warn", "the recall index was not loaded", {
              error: error instanceof Error ? error.message : String(error),
            });
        })
        .finally(() => {
          isLoading = false;
        });
    },
    stop() {
      isStopped = true;
    },
  };
}

function entryOf(n: number, memory: Memory, one: (text: string) => string): Entry {
  const { thread, source } = memory;
  const path = source?.path ?? source?.uri;
  return {
    n,
    version: memory.version,
    space: one(memory.space),
    kind: one(memory.kind),
    thread: thread === undefined ? undefined : one(thread.id),
    place:
      thread === undefined
        ? undefined
        : {
            session: one(sessionKey(thread)),
            seq: thread.seq ?? Number.MAX_SAFE_INTEGER,
          },
    author: thread?.author === undefined ? undefined : one(thread.author),
    path: path === undefined ? undefined : one(path),
    tags: memory.tags.map(one),
    startsAt: memory.startsAt,
    endsAt: memory.endsAt,
    updatedAt: memory.updatedAt,
  };
}
