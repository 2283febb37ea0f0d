import { AsyncLocalStorage } from "node:async_hooks";
import { statSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import type { z } from "zod";
import { DomainError } from "../errors.ts";

export type Row = Record<string, SQLOutputValue>;

/** What a store may say to SQLite inside one transaction. Statements are prepared once, and the latest are kept. */
export interface Sql {
  /** Runs a statement; returns how many rows it changed. Throws inside a read. */
  run(sql: string, ...values: readonly SQLInputValue[]): number;
  get(sql: string, ...values: readonly SQLInputValue[]): Row | undefined;
  all(sql: string, ...values: readonly SQLInputValue[]): readonly Row[];
}

export interface Database {
  readonly path: string;
  /** Runs `work` on one consistent snapshot. */
  read<T>(work: (sql: Sql) => T | Promise<T>): Promise<T>;
  /**
   * Runs `work` in one `BEGIN IMMEDIATE` transaction; commits when it returns, rolls back when it throws. A call from
   * inside another transaction of the same store is a defect and throws: it would wait for itself.
   */
  write<T>(work: (sql: Sql) => T | Promise<T>): Promise<T>;
  /** Undoes what is under way; later calls are refused as unavailable. */
  close(): void;
}

/** Milliseconds a statement waits for another process before the call is refused as retryable. */
export const BUSY_TIMEOUT_MS = 5_000;

const LONGEST_PAUSE_MS = 25;

/** Bytes. */
const SMALLEST_PAGE = 512;

const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;
const READ_ONLY = 8;
const FULL = 13;
const IO_ERROR = 10;
const CANNOT_OPEN = 14;

/**
 * Turns an error of SQLite into what a caller can do about it. Busy is never damage, and damage is never
 * "empty": a store that cannot be read refuses, it does not start afresh.
 */
export function sqliteError(error: unknown, path: string): unknown {
  const code = sqliteCode(error);
  if (code === undefined) return error;
  switch (code & 0xff) {
    case BUSY:
    case LOCKED:
      return new DomainError(
        "unavailable",
        `another process kept ${path} busy for ${BUSY_TIMEOUT_MS / 1000} s`,
        {
          hint: "call again; nothing was changed",
          cause: error,
        },
      );
    case CORRUPT:
    case NOT_A_DATABASE:
      return damaged(path, error);
    case READ_ONLY:
    case CANNOT_OPEN:
      return notWritable(path, error);
    case FULL:
    case IO_ERROR:
      return new DomainError("unavailable", `the disk under ${path} is full or failing`, {
        hint: "free some space, then call again",
        cause: error,
      });
    default:
      return error;
  }
}

export function damaged(path: string, cause: unknown): DomainError {
  return new DomainError("unavailable", `${path} is damaged`, {
    hint: `stop the servers, then run \`slipway ${basename(path, ".db")} restore\`; the damaged file is kept beside it`,
    retryable: false,
    cause,
  });
}

export function notWritable(path: string, cause: unknown): DomainError {
  return new DomainError("unavailable", `${path} cannot be written`, {
    hint: "make it and the state folder writable, or choose another with --home DIR",
    retryable: false,
    cause,
  });
}

/**
 * Whether a file is too short to hold a page. SQLite takes such a file for a new one and deletes the log beside it,
 * which may hold all there is: it must not be handed to SQLite.
 */
export function isCutShort(path: string): boolean {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  return size !== undefined && size < SMALLEST_PAGE;
}

/** Whether SQLite gave up waiting for another process. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && ((code & 0xff) === BUSY || (code & 0xff) === LOCKED);
}

/** Whether SQLite refused, and not what was done with its rows. */
export function isSqliteError(error: unknown): boolean {
  return sqliteCode(error) !== undefined;
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}

/** Reads a row through its schema: a stored row is data from outside and is never cast. */
export function parseRow<S extends z.ZodType>(schema: S, row: Row): z.output<S> {
  return schema.parse(row);
}

/** More than any store has of fixed statements; texts built at run time push each other out. */
const KEPT_STATEMENTS = 250;

/** Wraps an open connection. Work is taken one piece at a time, so a transaction never mixes with another. */
export function wrapConnection(connection: DatabaseSync, path: string): Database {
  const prepared = new Map<string, StatementSync>();
  const statement = (sql: string): StatementSync => {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const made = connection.prepare(sql);
    const [oldest] = prepared.keys();
    if (prepared.size >= KEPT_STATEMENTS && oldest !== undefined) prepared.delete(oldest);
    prepared.set(sql, made);
    return made;
  };
  const writing: Sql = {
    run: (text, ...values) => Number(statement(text).run(...values).changes),
    get: (text, ...values) => statement(text).get(...values),
    all: (text, ...values) => statement(text).all(...values),
  };
  const reading: Sql = {
    ...writing,
    run() {
      throw new Error("a read may not change the store");
    },
  };
  // What runs inside a transaction, and whatever it started, sees the transaction here.
  const inside = new AsyncLocalStorage<{ isOpen: boolean }>();
  const transact = async <T>(
    begin: () => boolean,
    sql: Sql,
    work: (sql: Sql) => T | Promise<T>,
  ): Promise<T | typeof NOT_BEGUN> => {
    if (!begin()) return NOT_BEGUN;
    const transaction = { isOpen: true };
    try {
      const result = await inside.run(transaction, () => work(sql));
      connection.exec("COMMIT");
      return result;
    } catch (error) {
      if (connection.isOpen && connection.isTransaction) connection.exec("ROLLBACK");
      throw error;
    } finally {
      transaction.isOpen = false;
    }
  };
  let tail: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(
    begin: () => boolean,
    sql: Sql,
    work: (sql: Sql) => T | Promise<T>,
  ): Promise<T | typeof NOT_BEGUN> => {
    if (inside.getStore()?.isOpen === true) {
      return Promise.reject(new Error("a transaction was begun inside another one of the same store"));
    }
    const turn = tail.then(async () => {
      try {
        return await transact(begin, sql, work);
      } catch (error) {
        if (!connection.isOpen && !(error instanceof DomainError)) throw closed(path, error);
        throw sqliteError(error, path);
      }
    });
    tail = turn.catch(() => undefined);
    return turn;
  };
  const withLock = async <T>(work: (sql: Sql) => T | Promise<T>): Promise<T> => {
    let waited = 0;
    for (let nextMs = 1; ; nextMs = Math.min(2 * nextMs, LONGEST_PAUSE_MS)) {
      const isLast = waited >= BUSY_TIMEOUT_MS;
      const result = await inTurn(() => beginWrite(connection, isLast), writing, work);
      if (result !== NOT_BEGUN) return result;
      // Between two tries the turn is free: what only reads goes on while another process holds the lock.
      await pause(nextMs);
      waited += nextMs;
    }
  };
  return {
    path,
    async read(work) {
      const result = await inTurn(() => beginRead(connection), reading, work);
      if (result === NOT_BEGUN) throw new Error("a read waits for nobody");
      return result;
    },
    write: withLock,
    close: () => {
      if (connection.isOpen) connection.close();
    },
  };
}

/** What another process kept from beginning. */
const NOT_BEGUN = Symbol("not begun");

function beginRead(connection: DatabaseSync): boolean {
  connection.exec("BEGIN");
  return true;
}

/**
 * Takes the write lock; false where another process holds it, which the last try throws. SQLite's own waiting would stop
 * the whole process, with every other call and the news that this one was cancelled; so it is asked again and again.
 */
function beginWrite(connection: DatabaseSync, isLast: boolean): boolean {
  try {
    connection.exec("PRAGMA busy_timeout=0; BEGIN IMMEDIATE");
    return true;
  } catch (error) {
    if (!isBusy(error) || isLast) throw error;
    return false;
  } finally {
    if (connection.isOpen) connection.exec(`PRAGMA busy_timeout=${BUSY_TIMEOUT_MS}`);
  }
}

function closed(path: string, cause: unknown): DomainError {
  return new DomainError("unavailable", `${path} was closed`, {
    hint: "the server is stopping; call it again once it runs",
    retryable: true,
    cause,
  });
}
