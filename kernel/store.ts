import type { Clock } from "./clock.ts";
import { DomainError } from "./errors.ts";
import { appendEvents, readEvents, type EventQuery, type EventRecord, type NewEvent } from "./events.ts";
import { startBackups } from "./sqlite/backup.ts";
import type { Database, Sql } from "./sqlite/database.ts";
import { estimateTokens, HARD_MAX_TOKENS } from "./tokens.ts";

/** Who writes, and under which idempotency key the answer is kept. Every `Call` is one. */
export interface Writer {
  readonly principal: { readonly id: string };
  readonly once: OnceKey | undefined;
}

export interface OnceKey {
  readonly tool: string;
  readonly key: string;
  /** SHA-256 of the arguments without the key. */
  readonly digest: string;
}

export type Emit = (...events: readonly NewEvent[]) => void;

/**
 * A server's memory: state, events and kept answers in one transaction each. `Tx` is what that server's store
 * port offers inside a transaction; its methods return promises so that the port fits a database over a network.
 */
export interface Store<Tx> {
  read<T>(work: (tx: Tx) => T | Promise<T>): Promise<T>;
  /** Changes state. What `work` throws undoes everything. */
  write<T>(writer: Writer, work: (tx: Tx) => T | Promise<T>): Promise<T>;
  /**
   * Changes state, and keeps what `work` returns as the tool's answer to this idempotency key for 24 hours.
   * Use it for the write whose result the tool returns. An answer that `isKept` denies leaves the key free: it told
   * of a state that may change, and changed nothing. An answer that no host takes undoes everything, too: a change
   * is not made where its result cannot be told.
   */
  answer<T>(writer: Writer, work: (tx: Tx) => T | Promise<T>, isKept?: (answer: T) => boolean): Promise<T>;
  /** The answer kept for a key, or undefined. */
  keptAnswer(writer: Writer): Promise<unknown>;
  events(query: EventQuery): Promise<readonly EventRecord[]>;
  close(): void;
}

const KEPT_FOR_MS = 24 * 3_600_000;

/** Builds a server's store over an open database. `bind` makes the port from SQL and the event sink. */
export function storeOver<Tx>(db: Database, clock: Clock, bind: (sql: Sql, emit: Emit) => Tx): Store<Tx> {
  const stopBackups = startBackups(db, clock);
  const refuse: Emit = () => {
    throw new Error("an event was emitted outside a write");
  };
  const inWrite = async <T>(sql: Sql, writer: Writer, work: (tx: Tx) => T | Promise<T>): Promise<T> => {
    const pending: NewEvent[] = [];
    const result = await work(bind(sql, (...events) => void pending.push(...events)));
    appendEvents(sql, pending, writer.principal.id, clock());
    return result;
  };
  return {
    read: (work) => db.read((sql) => work(bind(sql, refuse))),
    write: (writer, work) => db.write((sql) => inWrite(sql, writer, work)),
    answer: (writer, work, isKept) =>
      db.write(async (sql) => {
        const { once } = writer;
        if (once !== undefined && readAnswer(sql, writer, once, clock()) !== undefined) {
          throw new AnsweredMeanwhile();
        }
        const result = await inWrite(sql, writer, work);
        const kept = JSON.stringify(result ?? null);
        if (estimateTokens(kept) > HARD_MAX_TOKENS) {
          throw new DomainError(
            "limit",
            "the answer would be larger than any host takes; nothing was changed",
            {
              hint: "do it in several calls with less each",
              retryable: false,
            },
          );
        }
        if (once !== undefined && (isKept?.(result) ?? true)) {
          sql.run("DELETE FROM answer WHERE at < ?", clock() - KEPT_FOR_MS);
          sql.run(
            "INSERT OR REPLACE INTO answer (principal, tool, key, digest, answer, at) VALUES (?, ?, ?, ?, ?, ?)",
            writer.principal.id,
            once.tool,
            once.key,
            once.digest,
            kept,
            clock(),
          );
        }
        return result;
      }),
    async keptAnswer(writer) {
      const { once } = writer;
      return once === undefined ? undefined : db.read((sql) => readAnswer(sql, writer, once, clock()));
    },
    events: (query) => db.read((sql) => readEvents(sql, query)),
    close: () => {
      stopBackups();
      db.close();
    },
  };
}

/** Thrown when the same key was answered between the look-up and the write: the call is then answered from the store. */
export class AnsweredMeanwhile extends Error {}

function readAnswer(sql: Sql, writer: Writer, once: OnceKey, now: number): unknown {
  const row = sql.get(
    "SELECT digest, answer FROM answer WHERE principal = ? AND tool = ? AND key = ? AND at >= ?",
    writer.principal.id,
    once.tool,
    once.key,
    now - KEPT_FOR_MS,
  );
  if (row === undefined) return undefined;
  if (row["digest"] !== once.digest) {
    throw new DomainError("conflict", `idempotency_key "${once.key}" was used with other arguments`, {
      hint: "use a new key for a new request",
    });
  }
  return JSON.parse(String(row["answer"]));
}
