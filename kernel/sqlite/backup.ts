import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import type { Clock } from "../clock.ts";
import { damaged, sqliteError, type Database } from "./database.ts";

/** How often a changed store is copied, and how many copies are kept. */
export interface BackupPlan {
  readonly everyMs: number;
  readonly keep: number;
}

export const DEFAULT_BACKUPS: BackupPlan = { everyMs: 5 * 60_000, keep: 12 };

/** Servers that a host starts and ends within minutes are backed up, too. */
const FIRST_BACKUP_MS = 15_000;

const BEFORE_SCHEMA = "-before-schema-";

export function backupFolder(path: string): string {
  return join(dirname(path), "backups");
}

/** Dates sort as text, so names sort by age. */
function nameOf(path: string, clock: Clock, label = ""): string {
  const at = new Date(clock()).toISOString().replaceAll(/[-:]/g, "").replace(".", "-");
  return join(backupFolder(path), `${basename(path, ".db")}-${at}${label}.db`);
}

/** The backups of a store, oldest first. */
export function listBackups(path: string): readonly string[] {
  return namesIn(path, ".db");
}

function namesIn(path: string, ending: string): readonly string[] {
  const folder = backupFolder(path);
  if (!existsSync(folder)) return [];
  const stem = `${basename(path, ".db")}-`;
  return readdirSync(folder)
    .filter((name) => name.startsWith(stem) && name.endsWith(ending))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * Copies the store while it stays in use. Returns the new file, which is complete and sound when the promise
 * resolves. Of the dated backups the newest `keep` stay; copies made before a migration all stay.
 *
 * @throws {DomainError} unavailable when the store is damaged; then no older backup is removed.
 */
export async function backupDatabase(
  path: string,
  clock: Clock,
  keep = DEFAULT_BACKUPS.keep,
): Promise<string> {
  const target = nameOf(path, clock);
  const partial = `${target}.${process.pid}.partial`;
  try {
    mkdirSync(backupFolder(path), { recursive: true, mode: 0o700 });
    await copyStore(path, partial);
    refuseUnsound(partial, path);
    renameSync(partial, target);
  } catch (error) {
    rmSync(partial, { force: true });
    throw sqliteError(error, path);
  }
  const dated = listBackups(path).filter((file) => !file.includes(BEFORE_SCHEMA));
  const kept = dated.slice(-keep);
  for (const old of dated.slice(0, -keep)) rmSync(old, { force: true });
  // What a killed process left behind. Nobody still writes a copy that is older than the oldest one kept.
  for (const left of namesIn(path, ".partial")) if (left < (kept[0] ?? "")) rmSync(left, { force: true });
  return target;
}

/** Copies one consistent snapshot into a file of its own, without a log beside it, and waits until it is on disk. */
export async function copyStore(from: string, to: string): Promise<void> {
  rmSync(to, { force: true });
  // A connection of its own: over a shared one the copy would run into that one's open transaction.
  const source = new DatabaseSync(from, { readOnly: true, timeout: 5_000 });
  try {
    // All pages in one step are one snapshot; in several steps each write of another process starts it over.
    await backup(source, to, { rate: 2 ** 31 - 1 });
  } finally {
    source.close();
  }
  const copy = new DatabaseSync(to);
  try {
    copy.exec("PRAGMA journal_mode=DELETE");
  } finally {
    copy.close();
  }
  flush(to);
}

/** A damaged store must not push the sound backups out. */
function refuseUnsound(file: string, path: string): void {
  const copy = new DatabaseSync(file, { readOnly: true });
  try {
    const found = copy.prepare("PRAGMA quick_check(1)").get();
    if (found?.["quick_check"] !== "ok") throw damaged(path, undefined);
  } finally {
    copy.close();
  }
}

/** Copies a store that is about to be migrated; synchronous, because opening is. */
export function backupBeforeSchema(path: string, schema: number, clock: Clock): string {
  const target = nameOf(path, clock, `${BEFORE_SCHEMA}${schema}`);
  const partial = `${target}.${process.pid}.partial`;
  mkdirSync(backupFolder(path), { recursive: true, mode: 0o700 });
  rmSync(partial, { force: true });
  const connection = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  try {
    connection.prepare("VACUUM INTO ?").run(partial);
  } finally {
    connection.close();
  }
  flush(partial);
  renameSync(partial, target);
  return target;
}

function flush(file: string): void {
  const descriptor = openSync(file, "r+");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Copies a changed store every `everyMs`. Of several processes on one file only the holder of the lease row works.
 * Returns the function that stops it.
 */
export function startBackups(db: Database, clock: Clock, plan: BackupPlan = DEFAULT_BACKUPS): () => void {
  if (db.path === ":memory:") return () => undefined;
  // A backup that fails leaves its mark unset, so the next round tries again.
  const run = (): void => void backupWhenDue(db, clock, plan).catch(() => undefined);
  const first = setTimeout(run, Math.min(FIRST_BACKUP_MS, plan.everyMs));
  const timer = setInterval(run, plan.everyMs);
  first.unref();
  timer.unref();
  return () => {
    clearTimeout(first);
    clearInterval(timer);
  };
}

/** Makes a backup when the store changed and no other process made one in this period. Returns the file, or null. */
export async function backupWhenDue(db: Database, clock: Clock, plan: BackupPlan): Promise<string | null> {
  const now = clock();
  const isDue = (events: number, until: number, mark: number): boolean => until <= now && mark !== events;
  const state = await db.read((sql) => ({
    events: Number(sql.get("SELECT coalesce(max(seq), 0) AS n FROM event")?.["n"] ?? 0),
    lease: sql.get("SELECT until, mark FROM maintenance WHERE name = 'backup'"),
  }));
  if (!isDue(state.events, Number(state.lease?.["until"] ?? 0), Number(state.lease?.["mark"] ?? 0)))
    return null;
  const mark = await db.write((sql) => {
    const events = Number(sql.get("SELECT coalesce(max(seq), 0) AS n FROM event")?.["n"] ?? 0);
    const row = sql.get("SELECT until, mark FROM maintenance WHERE name = 'backup'");
    // Another process may have taken the lease since.
    if (!isDue(events, Number(row?.["until"] ?? 0), Number(row?.["mark"] ?? 0))) return null;
    sql.run(
      "INSERT INTO maintenance (name, until, mark) VALUES ('backup', ?, 0) ON CONFLICT (name) DO UPDATE SET until = excluded.until",
      now + plan.everyMs - 1_000,
    );
    return events;
  });
  if (mark === null) return null;
  const file = await backupDatabase(db.path, clock, plan.keep);
  await db.write((sql) => sql.run("UPDATE maintenance SET mark = ? WHERE name = 'backup'", mark));
  return file;
}
