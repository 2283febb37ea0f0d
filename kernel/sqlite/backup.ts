import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import type { Clock } from "../clock.ts";
import { DomainError } from "../errors.ts";
import { checkFile } from "./check.ts";
import type { Database } from "./database.ts";

/** How often a changed store is copied, and how many copies are kept. */
export interface BackupPlan {
  readonly everyMs: number;
  readonly keep: number;
}

export const DEFAULT_BACKUPS: BackupPlan = { everyMs: 5 * 60_000, keep: 12 };

function folderOf(path: string): string {
  return join(dirname(path), "backups");
}

function nameOf(path: string, label: string): string {
  return join(folderOf(path), `${basename(path, ".db")}-${label}.db`);
}

/** The backups of a store, oldest first. */
export function listBackups(path: string): readonly string[] {
  const folder = folderOf(path);
  if (!existsSync(folder)) return [];
  const stem = `${basename(path, ".db")}-`;
  return readdirSync(folder)
    .filter((name) => name.startsWith(stem) && name.endsWith(".db"))
    .sort()
    .map((name) => join(folder, name));
}

/** Copies the store while it stays in use. Returns the new file, which is complete when the promise resolves. */
export async function backupDatabase(db: Database, clock: Clock, keep = DEFAULT_BACKUPS.keep): Promise<string> {
  const target = nameOf(db.path, new Date(clock()).toISOString().replaceAll(/[-:]/g, "").replace(".", "-"));
  mkdirSync(folderOf(db.path), { recursive: true, mode: 0o700 });
  const partial = `${target}.partial`;
  rmSync(partial, { force: true });
  await backup(db.connection, partial);
  renameSync(partial, target);
  const dated = listBackups(db.path).filter((file) => !file.includes("-before-schema-"));
  for (const old of dated.slice(0, Math.max(0, dated.length - keep))) rmSync(old, { force: true });
  return target;
}

/** Copies a store that is about to be migrated; synchronous, because opening is. */
export function backupSync(connection: DatabaseSync, path: string, label: string): string {
  const target = nameOf(path, label);
  mkdirSync(folderOf(path), { recursive: true, mode: 0o700 });
  rmSync(target, { force: true });
  connection.prepare("VACUUM INTO ?").run(target);
  return target;
}

/**
 * Copies a changed store every `everyMs`. Of several processes on one file only the holder of the lease row works.
 * Returns the function that stops it.
 */
export function startBackups(db: Database, clock: Clock, plan: BackupPlan = DEFAULT_BACKUPS): () => void {
  if (db.path === ":memory:") return () => undefined;
  const timer = setInterval(() => {
    void backupWhenDue(db, clock, plan).catch(() => undefined);
  }, plan.everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Makes a backup when the store changed and no other process made one in this period. Returns the file, or null. */
export async function backupWhenDue(db: Database, clock: Clock, plan: BackupPlan): Promise<string | null> {
  const now = clock();
  const due = await db.write((sql) => {
    const events = Number(sql.get("SELECT coalesce(max(seq), 0) AS n FROM event")?.["n"] ?? 0);
    const row = sql.get("SELECT until, mark FROM maintenance WHERE name = 'backup'");
    if (row !== undefined && (Number(row["until"]) > now || Number(row["mark"]) === events)) return false;
    sql.run(
      "INSERT INTO maintenance (name, until, mark) VALUES ('backup', ?, ?) ON CONFLICT (name) DO UPDATE SET until = excluded.until, mark = excluded.mark",
      now + plan.everyMs - 1_000,
      events,
    );
    return true;
  });
  return due ? backupDatabase(db, clock, plan.keep) : null;
}

/**
 * Puts a backup in the place of the store. What was there is kept beside it as `<file>.replaced-<time>`.
 *
 * @throws {DomainError} not_found without a usable backup; unavailable while another process has the store open.
 */
export function restoreDatabase(path: string, from: string | undefined, clock: Clock): { readonly from: string; readonly kept: string | null } {
  const candidates = from === undefined ? [...listBackups(path)].reverse() : [from];
  const source = candidates.find((file) => existsSync(file) && checkFile(file).length === 0);
  if (source === undefined) {
    throw new DomainError("not_found", from === undefined ? `no usable backup of ${path}` : `${from} is not a usable backup`, {
      hint: `backups are in ${folderOf(path)}`,
    });
  }
  refuseWhileOpen(path);
  let kept: string | null = null;
  if (existsSync(path)) {
    kept = `${path}.replaced-${clock()}`;
    renameSync(path, kept);
    for (const side of ["-wal", "-shm"]) if (existsSync(path + side)) renameSync(path + side, kept + side);
  }
  copyFileSync(source, `${path}.restoring`);
  renameSync(`${path}.restoring`, path);
  return { from: source, kept };
}

function refuseWhileOpen(path: string): void {
  if (!existsSync(path)) return;
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { timeout: 200 });
    connection.exec("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;");
  } catch (error) {
    const busy = error instanceof Error && "errcode" in error && error.errcode === 5;
    if (busy) {
      throw new DomainError("unavailable", `${path} is in use`, { hint: "stop every server and run on this state folder first", cause: error });
    }
    // A damaged file cannot be asked; it is what restore is for.
  } finally {
    if (connection?.isOpen === true) connection.close();
  }
}
