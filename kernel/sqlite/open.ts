import { accessSync, constants, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock, type Clock } from "../clock.ts";
import { DomainError } from "../errors.ts";
import { backupBeforeSchema, listBackups } from "./backup.ts";
import {
  BUSY_TIMEOUT_MS,
  damaged,
  isBusy,
  isCutShort,
  notWritable,
  sqliteError,
  wrapConnection,
  type Database,
} from "./database.ts";

const WAL_RETRY_MS = 10;

/** A function of SQL for comparing texts in any case and script; SQLite's own lower() knows ASCII only. */
export const FOLD_CASE = "fold_case";

/** One step of a schema, numbered by its place in the list (1 first). Never edited once released. */
export type Migration = string;

export interface OpenOptions {
  /** The file, or ":memory:". */
  readonly path: string;
  /** A number of our own per kind of store, so that one server never opens another's file. */
  readonly applicationId: number;
  readonly migrations: readonly Migration[];
  /** Dates the backup that precedes a migration. */
  readonly clock?: Clock;
}

/**
 * Opens a store: WAL, full durability, migrated to the newest schema.
 * Several processes on one file is the normal case: each host starts its own server.
 *
 * @throws {DomainError} unavailable when the folder or the file cannot be written, the file is damaged, belongs to
 * another store, or was written by a newer Slipway. The file is then left exactly as it was.
 */
export function openDatabase(options: OpenOptions): Database {
  const { path } = options;
  if (path !== ":memory:") {
    prepareFolder(dirname(path));
    refuseUnusable(options);
  }
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
    useWal(connection);
    migrate(connection, options);
    connection.function(FOLD_CASE, { deterministic: true }, (text) => String(text).toLowerCase());
    return wrapConnection(connection, path);
  } catch (error) {
    if (connection?.isOpen === true) connection.close();
    throw sqliteError(error, path);
  }
}

/** Makes the state folder, private to its user, with its own ignore file so that it is never committed. */
export function prepareFolder(folder: string): void {
  try {
    const isNew = mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined;
    accessSync(folder, constants.W_OK);
    if (isNew) writeFileSync(join(folder, ".gitignore"), "*\n");
  } catch (error) {
    throw new DomainError("unavailable", `the state folder ${folder} cannot be written`, {
      hint: "make it writable, or choose another with --home DIR",
      retryable: false,
      cause: error,
    });
  }
}

/** Looks at a file that is there without a right to write, so that refusing it changes nothing in it. */
function refuseUnusable(options: OpenOptions): void {
  const { path } = options;
  const file = statSync(path, { throwIfNoEntry: false });
  if (file === undefined) return;
  if (!file.isFile()) {
    throw new DomainError("unavailable", `${path} is not a file`, {
      hint: "move it away, or choose another state folder with --home DIR",
      retryable: false,
    });
  }
  // A first start leaves the file empty for a moment; with a log or backups beside it, it has lost its content.
  if (isCutShort(path) && (hasLog(path) || file.size > 0 || listBackups(path).length > 0))
    throw damaged(path, undefined);
  let connection: DatabaseSync | undefined;
  try {
    accessSync(path, constants.W_OK);
    connection = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    refuseForeign(identityOf(connection), options);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EACCES") throw notWritable(path, error);
    throw sqliteError(error, path);
  } finally {
    if (connection?.isOpen === true) connection.close();
  }
}

function hasLog(path: string): boolean {
  return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/**
 * Several first starts at once want to switch the file over, for which SQLite does not wait by itself.
 * Blocks, at most as long as any statement may wait for another process.
 */
function useWal(connection: DatabaseSync): void {
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; ; waited += WAL_RETRY_MS) {
    try {
      connection.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
      return;
    } catch (error) {
      if (!isBusy(error) || waited >= BUSY_TIMEOUT_MS) throw error;
      Atomics.wait(nobody, 0, 0, WAL_RETRY_MS);
    }
  }
}

/** Whose file it is, how new, and how much is in it. */
interface Identity {
  readonly version: number;
  readonly owner: number;
  readonly tables: number;
}

/** One statement, so that a first start in another process is seen whole or not at all. */
function identityOf(connection: DatabaseSync): Identity {
  const row = connection
    .prepare(
      `SELECT (SELECT user_version FROM pragma_user_version) AS version,
         (SELECT application_id FROM pragma_application_id) AS owner,
         (SELECT count(*) FROM sqlite_schema) AS tables`,
    )
    .get();
  return {
    version: Number(row?.["version"]),
    owner: Number(row?.["owner"]),
    tables: Number(row?.["tables"]),
  };
}

function refuseForeign(
  { version, owner, tables }: Identity,
  { path, applicationId, migrations }: OpenOptions,
): void {
  if (version === 0 && owner === 0 && tables === 0) return;
  if (owner !== applicationId) {
    throw new DomainError("unavailable", `${path} is not a store of this server`, {
      hint: "move the file away, or choose another state folder with --home DIR",
      retryable: false,
    });
  }
  if (version > migrations.length) {
    throw new DomainError(
      "unavailable",
      `${path} was written by a newer Slipway (schema ${version}, this one knows ${migrations.length})`,
      {
        hint: "update Slipway, or restore a backup made by this version",
        retryable: false,
      },
    );
  }
}

/** Brings the schema up to date under the write lock, after a backup of what was there. */
function migrate(connection: DatabaseSync, options: OpenOptions): void {
  const { path, applicationId, migrations, clock = systemClock } = options;
  const found = identityOf(connection);
  refuseForeign(found, options);
  if (found.version === migrations.length) return;
  let copy: string | undefined;
  connection.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have migrated while this one waited for the lock.
    const locked = identityOf(connection);
    refuseForeign(locked, options);
    // Readers may read beside the lock, so the copy is of exactly what is migrated.
    if (locked.version > 0 && locked.version < migrations.length && path !== ":memory:") {
      copy = backupBeforeSchema(path, migrations.length, clock);
    }
    for (const sql of migrations.slice(locked.version)) connection.exec(sql);
    connection.exec(`PRAGMA application_id=${applicationId}; PRAGMA user_version=${migrations.length};`);
    connection.exec("COMMIT");
  } catch (error) {
    if (connection.isTransaction) connection.exec("ROLLBACK");
    // Nothing was changed, so the copy tells nothing that the store does not.
    if (copy !== undefined) rmSync(copy, { force: true });
    throw error;
  }
}
