import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../clock.ts";
import { DomainError } from "../errors.ts";
import { backupFolder, copyStore, listBackups } from "./backup.ts";
import { checkFile } from "./check.ts";
import { BUSY_TIMEOUT_MS, isBusy, isCutShort, sqliteError } from "./database.ts";

export interface Restored {
  /** The backup that was used. */
  readonly from: string;
  /** Where the file lies that was there before; null when there was none. */
  readonly kept: string | null;
}

/**
 * Puts a sound backup in the place of a store: the named one, else the newest that is sound. What was there is kept
 * beside it as `<file>.replaced-<time>`. The store must not be opened while this runs.
 *
 * @throws {DomainError} not_found without a usable backup; unavailable while another process has the store open or
 * restores it, or when the folder cannot be written. Nothing was changed then.
 */
export async function restoreDatabase(
  path: string,
  applicationId: number,
  from: string | undefined,
  clock: Clock,
): Promise<Restored> {
  const candidates = from === undefined ? [...listBackups(path)].reverse() : [from];
  const source = candidates.find(
    (file) => existsSync(file) && isStoreOf(file, applicationId) && checkFile(file).length === 0,
  );
  if (source === undefined) {
    throw new DomainError(
      "not_found",
      from === undefined ? `no usable backup of ${path}` : `${from} is not a usable backup of this store`,
      {
        hint: `backups are in ${backupFolder(path)}`,
      },
    );
  }
  refuseWhileOpen(path);
  const unlock = lockOutOthers(path);
  const draft = `${path}.restoring`;
  try {
    // The copy is complete before anything is moved, and it is made even if the source is the store itself.
    await copyStore(source, draft);
    refuseWhileOpen(path);
    return { from: source, kept: swap(path, draft, clock) };
  } catch (error) {
    rmSync(draft, { force: true });
    throw inWords(error, path);
  } finally {
    unlock();
  }
}

/**
 * Two restores at once would write into each other's draft. The lock is one of SQLite, so it ends with its process;
 * its file stays, because whoever removed it could take it from under another.
 */
function lockOutOthers(path: string): () => void {
  let lock: DatabaseSync | undefined;
  try {
    mkdirSync(backupFolder(path), { recursive: true, mode: 0o700 });
    lock = new DatabaseSync(join(backupFolder(path), `${basename(path, ".db")}.restore-lock`));
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock?.close();
    if (!isBusy(error)) throw inWords(error, path);
    throw new DomainError("unavailable", `${path} is being restored by another process`, {
      hint: "wait until it has ended",
      cause: error,
    });
  }
  return () => lock.close();
}

function inWords(error: unknown, path: string): unknown {
  const isOfFolder =
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    /^E(ACCES|PERM|ROFS|NOSPC)$/.test(error.code);
  if (!isOfFolder) return sqliteError(error, path);
  return new DomainError("unavailable", `the folder of ${path} cannot be written`, {
    hint: "make it writable",
    retryable: false,
    cause: error,
  });
}

function swap(path: string, draft: string, clock: Clock): string | null {
  const kept = existsSync(path) ? `${path}.replaced-${clock()}` : null;
  // A log that stayed behind would be played into the restored file.
  for (const side of ["-wal", "-shm"]) {
    if (kept === null) rmSync(path + side, { force: true });
    else if (existsSync(path + side)) renameSync(path + side, kept + side);
  }
  if (kept !== null) renameSync(path, kept);
  renameSync(draft, path);
  return kept;
}

function isStoreOf(file: string, applicationId: number): boolean {
  if (isCutShort(file)) return false;
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    return connection.prepare("PRAGMA application_id").get()?.["application_id"] === applicationId;
  } catch {
    // A file that cannot be asked is nobody's.
    return false;
  } finally {
    if (connection?.isOpen === true) connection.close();
  }
}

function refuseWhileOpen(path: string): void {
  if (!existsSync(path) || isCutShort(path)) return;
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { timeout: 200 });
    connection.exec("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;");
  } catch (error) {
    if (isBusy(error)) {
      throw new DomainError("unavailable", `${path} is in use`, {
        hint: "stop every server and run on this state folder first",
        cause: error,
      });
    }
    // A damaged file cannot be asked; it is what restore is for.
  } finally {
    if (connection?.isOpen === true) connection.close();
  }
}
