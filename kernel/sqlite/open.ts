import { accessSync, constants, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DomainError } from "../errors.ts";
import { backupSync } from "./backup.ts";
import { BUSY_TIMEOUT_MS, sqliteError, wrapConnection, type Database } from "./database.ts";

/** One step of a schema, numbered by its place in the list (1 first). Never edited once released. */
export type Migration = string;

export interface OpenOptions {
  /** The file, or ":memory:". */
  readonly path: string;
  /** A number of our own per kind of store, so that one server never opens another's file. */
  readonly applicationId: number;
  readonly migrations: readonly Migration[];
}

/**
 * Opens a store: WAL, full durability, migrated to the newest schema.
 * Several processes on one file is the normal case: each host starts its own server.
 *
 * @throws {DomainError} unavailable when the folder cannot be written, the file is damaged, belongs to another
 * store, or was written by a newer Slipway. The file is then left exactly as it was.
 */
export function openDatabase(options: OpenOptions): Database {
  const { path } = options;
  if (path !== ":memory:") prepareFolder(dirname(path));
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
    refuseForeign(connection, options);
    connection.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
    migrate(connection, options);
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

function pragma(connection: DatabaseSync, name: "user_version" | "application_id"): number {
  return Number(connection.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
}

function refuseForeign(connection: DatabaseSync, { path, applicationId, migrations }: OpenOptions): void {
  const version = pragma(connection, "user_version");
  const owner = pragma(connection, "application_id");
  const isNew = version === 0 && owner === 0 && connection.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"] === 0;
  if (isNew) return;
  // A first start that another process is just making has its number already or is still empty.
  if (owner !== applicationId) {
    throw new DomainError("unavailable", `${path} is not a store of this server`, {
      hint: "move the file away, or choose another state folder with --home DIR",
      retryable: false,
    });
  }
  if (version > migrations.length) {
    throw new DomainError("unavailable", `${path} was written by a newer Slipway (schema ${version}, this one knows ${migrations.length})`, {
      hint: "update Slipway, or restore a backup made by this version",
      retryable: false,
    });
  }
}

function migrate(connection: DatabaseSync, { path, applicationId, migrations }: OpenOptions): void {
  const found = pragma(connection, "user_version");
  if (found === migrations.length) return;
  if (found > 0 && path !== ":memory:") backupSync(connection, path, `before-schema-${migrations.length}`);
  connection.exec("BEGIN EXCLUSIVE");
  try {
    // Another process may have migrated while this one waited for the lock.
    const version = pragma(connection, "user_version");
    for (const sql of migrations.slice(version)) connection.exec(sql);
    connection.exec(`PRAGMA application_id=${applicationId}; PRAGMA user_version=${migrations.length};`);
    connection.exec("COMMIT");
  } catch (error) {
    if (connection.isTransaction) connection.exec("ROLLBACK");
    throw error;
  }
}
