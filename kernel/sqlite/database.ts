import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import type { z } from "zod";
import { DomainError } from "../errors.ts";

export type Row = Record<string, SQLOutputValue>;

/** What a store may say to SQLite inside one transaction. Statements are prepared once and kept. */
export interface Sql {
  /** Runs a statement; returns how many rows it changed. */
  run(sql: string, ...values: readonly SQLInputValue[]): number;
  get(sql: string, ...values: readonly SQLInputValue[]): Row | undefined;
  all(sql: string, ...values: readonly SQLInputValue[]): readonly Row[];
}

export interface Database {
  readonly path: string;
  /** Runs `work` on one consistent snapshot. */
  read<T>(work: (sql: Sql) => T | Promise<T>): Promise<T>;
  /** Runs `work` in one `BEGIN IMMEDIATE` transaction; commits when it returns, rolls back when it throws. */
  write<T>(work: (sql: Sql) => T | Promise<T>): Promise<T>;
  /** The connection itself, for backup and check only. */
  readonly connection: DatabaseSync;
  close(): void;
}

/** Milliseconds a statement waits for another process before the call is refused as retryable. */
export const BUSY_TIMEOUT_MS = 5_000;

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
      return new DomainError("unavailable", `another process kept ${path} busy for ${BUSY_TIMEOUT_MS / 1000} s`, {
        hint: "call again; nothing was changed",
        cause: error,
      });
    case CORRUPT:
    case NOT_A_DATABASE:
      return new DomainError("unavailable", `${path} is damaged`, {
        hint: "stop the servers, then run `slipway <server> restore`; the damaged file is kept beside it",
        retryable: false,
        cause: error,
      });
    case READ_ONLY:
    case CANNOT_OPEN:
      return new DomainError("unavailable", `${path} cannot be written`, {
        hint: "make the state folder writable, or choose another with --home DIR",
        retryable: false,
        cause: error,
      });
    case FULL:
    case IO_ERROR:
      return new DomainError("unavailable", `the disk under ${path} is full or failing`, {
        hint: "free some space (`slipway gc`), then call again",
        cause: error,
      });
    default:
      return error;
  }
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}

/** Reads a row through its schema: a stored row is data from outside and is never cast. */
export function parseRow<S extends z.ZodType>(schema: S, row: Row): z.output<S> {
  return schema.parse(row);
}

/** Wraps an open connection. Work is taken one piece at a time, so a transaction never mixes with another. */
export function wrapConnection(connection: DatabaseSync, path: string): Database {
  const prepared = new Map<string, StatementSync>();
  const statement = (sql: string): StatementSync => {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const made = connection.prepare(sql);
    prepared.set(sql, made);
    return made;
  };
  const sql: Sql = {
    run: (text, ...values) => Number(statement(text).run(...values).changes),
    get: (text, ...values) => statement(text).get(...values),
    all: (text, ...values) => statement(text).all(...values),
  };
  let tail: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(begin: string, work: (sql: Sql) => T | Promise<T>): Promise<T> => {
    const turn = tail.then(async () => {
      try {
        connection.exec(begin);
        try {
          const result = await work(sql);
          connection.exec("COMMIT");
          return result;
        } catch (error) {
          if (connection.isTransaction) connection.exec("ROLLBACK");
          throw error;
        }
      } catch (error) {
        throw sqliteError(error, path);
      }
    });
    tail = turn.catch(() => undefined);
    return turn;
  };
  return {
    path,
    connection,
    read: (work) => inTurn("BEGIN", work),
    write: (work) => inTurn("BEGIN IMMEDIATE", work),
    close: () => {
      if (connection.isOpen) connection.close();
    },
  };
}
