import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { backupDatabase, backupWhenDue, listBackups, startBackups } from "../../../kernel/sqlite/backup.ts";
import { checkFile } from "../../../kernel/sqlite/check.ts";
import { openDatabase } from "../../../kernel/sqlite/open.ts";
import { restoreDatabase } from "../../../kernel/sqlite/restore.ts";
import { startNode } from "../../support/line-process.ts";
import {
  NOTES,
  NOTES_ID,
  notesOver,
  openNotes,
  SOMEBODY,
  temporaryFolder,
} from "../../support/notes-store.ts";

const PROCESS = join(import.meta.dirname, "../../support/notes-process.ts");
const PLAN = { everyMs: 60_000, keep: 3 };

let folder: ReturnType<typeof temporaryFolder>;
let path: string;
beforeEach(() => {
  folder = temporaryFolder();
  path = folder.in("tasks.db");
});
afterEach(() => folder.remove());

async function add(...names: readonly string[]): Promise<void> {
  const store = notesOver(openNotes(path));
  for (const name of names) await store.write(SOMEBODY, (tx) => tx.add(name));
  store.close();
}

async function namesIn(file: string): Promise<readonly string[]> {
  const copy = folder.in(`copy-${readdirSync(folder.path).length}.db`);
  copyFileSync(file, copy);
  const store = notesOver(openNotes(copy));
  const names = await store.read((tx) => tx.names());
  store.close();
  return names;
}

test("a backup is one sound file of what was committed, also while a transaction is open", async () => {
  await add("a");
  const db = openNotes(path);
  let file = "";
  await db.write(async (sql) => {
    sql.run("INSERT INTO note (name) VALUES ('not yet')");
    file = await backupDatabase(path, () => 0);
  });
  expect(readdirSync(folder.in("backups"))).toEqual(["tasks-19700101T000000-000Z.db"]);
  expect(checkFile(file)).toEqual([]);
  expect(readdirSync(folder.in("backups"))).toEqual(["tasks-19700101T000000-000Z.db"]);
  expect(await namesIn(file)).toEqual(["a"]);
  db.close();
});

test("a backup under steady writing by another process ends, and holds a prefix of what was written", async () => {
  await add("a");
  const writer = startNode([PROCESS, path, "w"]);
  await writer.hear();
  writer.tell("write");
  for (let i = 0; i < 3; i += 1) await writer.hear();
  const file = await backupDatabase(path, () => 0);
  writer.signal("SIGKILL");
  await writer.ended;
  expect(checkFile(file)).toEqual([]);
  const names = await namesIn(file);
  expect(names.length).toBeGreaterThanOrEqual(4);
  expect(names).toEqual(["a", ...names.slice(1).map((_, i) => `w-${i + 1}`)]);
});

test("a store is backed up only when it changed, once per period, and the newest are kept", async () => {
  const db = openNotes(path);
  const store = notesOver(db);
  let now = 0;
  const due = (): Promise<string | null> => backupWhenDue(db, () => now, PLAN);
  expect(await due()).toBeNull();
  await store.write(SOMEBODY, (tx) => tx.add("a"));
  expect(await due()).not.toBeNull();
  await store.write(SOMEBODY, (tx) => tx.add("b"));
  expect(await due()).toBeNull();
  now += PLAN.everyMs;
  expect(await due()).not.toBeNull();
  now += PLAN.everyMs;
  expect(await due()).toBeNull();
  for (let i = 0; i < 5; i += 1) {
    now += PLAN.everyMs;
    await store.write(SOMEBODY, (tx) => tx.add(`c${i}`));
    expect(await due()).not.toBeNull();
  }
  const kept = listBackups(path);
  expect(kept).toHaveLength(PLAN.keep);
  expect(await namesIn(kept.at(-1) ?? "")).toEqual(["a", "b", "c0", "c1", "c2", "c3", "c4"]);
  expect(await namesIn(kept[0] ?? "")).toEqual(["a", "b", "c0", "c1", "c2"]);
  store.close();
});

test("a backup that fails is tried again, although nothing changed since", async () => {
  const db = openNotes(path);
  const store = notesOver(db);
  await store.write(SOMEBODY, (tx) => tx.add("a"));
  writeFileSync(folder.in("backups"), "a file where the folder should be");
  await expect(backupWhenDue(db, () => 0, PLAN)).rejects.toThrow();
  rmSync(folder.in("backups"));
  expect(await backupWhenDue(db, () => PLAN.everyMs, PLAN)).not.toBeNull();
  store.close();
});

test("of two processes on one store one makes the backup", async () => {
  await add("a");
  const processes = [startNode([PROCESS, path]), startNode([PROCESS, path])];
  for (const one of processes) {
    await one.hear();
    one.tell("open");
    await one.hear();
  }
  for (const one of processes) one.tell("backup");
  const said = await Promise.all(processes.map((one) => one.hear()));
  expect(said.filter((line) => line === "none")).toHaveLength(1);
  expect(said.filter((line) => line !== "none")).toEqual([...listBackups(path)]);
  for (const one of processes) one.endInput();
  await Promise.all(processes.map((one) => one.ended));
});

test("backups run by themselves, the first one soon, until they are stopped", async () => {
  await add("a");
  vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval"] });
  try {
    const db = openNotes(path);
    const stop = startBackups(db, () => 0, PLAN);
    vi.advanceTimersByTime(15_000);
    vi.useRealTimers();
    for (let i = 0; i < 100 && listBackups(path).length === 0; i += 1) await pause(20);
    expect(listBackups(path)).toHaveLength(1);
    stop();
    db.close();
  } finally {
    vi.useRealTimers();
  }
});

test("a damaged store pushes no sound backup out", async () => {
  await add(...Array.from({ length: 300 }, (_, i) => `${i} ${"x".repeat(100)}`));
  for (let at = 0; at < 3; at += 1) await backupDatabase(path, () => at, 3);
  const before = listBackups(path);
  const bytes = readFileSync(path);
  bytes.fill(0xff, bytes.length - 3 * 4096, bytes.length - 2 * 4096);
  writeFileSync(path, bytes);
  await expect(backupDatabase(path, () => 9, 3)).rejects.toMatchObject({
    code: "unavailable",
    message: `${path} is damaged`,
  });
  expect(listBackups(path)).toEqual(before);
  expect(readdirSync(folder.in("backups"))).toHaveLength(3);
});

test("copies that killed processes left half done are cleared away in time", async () => {
  await add("a");
  mkdirSync(folder.in("backups"));
  writeFileSync(folder.in("backups/tasks-19690101T000000-000Z.db.7.partial"), "half");
  await backupDatabase(path, () => 0, 1);
  expect(readdirSync(folder.in("backups"))).toEqual(["tasks-19700101T000000-000Z.db"]);
});

test("restore brings the newest sound backup back and keeps what was there", async () => {
  await add("a");
  await backupDatabase(path, () => 1);
  await add("b");
  const newest = await backupDatabase(path, () => 2);
  await add("c");
  const now = readFileSync(path);
  const restored = await restoreDatabase(path, NOTES_ID, undefined, () => 99);
  expect(restored).toEqual({ from: newest, kept: `${path}.replaced-99` });
  expect(readFileSync(`${path}.replaced-99`)).toEqual(now);
  expect(await namesIn(path)).toEqual(["a", "b"]);
  // It is a store again that takes writes and backups.
  await add("d");
  expect(checkFile(path)).toEqual([]);
});

test("restore takes the newest backup by date, whether or not one was made before a migration", async () => {
  await add("a");
  const migrations = [...NOTES.migrations, "ALTER TABLE note ADD COLUMN color TEXT;"];
  openDatabase({ ...NOTES, path, migrations, clock: () => 10 }).close();
  const newer = await backupDatabase(path, () => 20);
  expect(listBackups(path)).toHaveLength(2);
  expect((await restoreDatabase(path, NOTES_ID, undefined, () => 30)).from).toBe(newer);
});

test("restore works on a damaged and on a missing file, skips damaged backups, and takes an explicit one", async () => {
  await add("a");
  const first = await backupDatabase(path, () => 1);
  await add("b");
  const second = await backupDatabase(path, () => 2);
  writeFileSync(second, "rubbish");
  writeFileSync(path, "more rubbish");
  writeFileSync(`${path}-wal`, "a log of what is gone");
  expect(await restoreDatabase(path, NOTES_ID, undefined, () => 5)).toEqual({
    from: first,
    kept: `${path}.replaced-5`,
  });
  expect(readFileSync(`${path}.replaced-5`, "utf8")).toBe("more rubbish");
  expect(readFileSync(`${path}.replaced-5-wal`, "utf8")).toBe("a log of what is gone");
  expect(await namesIn(path)).toEqual(["a"]);
  const elsewhere = folder.in("elsewhere.db");
  copyFileSync(first, elsewhere);
  expect((await restoreDatabase(path, NOTES_ID, elsewhere, () => 6)).from).toBe(elsewhere);
  rmSync(path);
  expect(await restoreDatabase(path, NOTES_ID, undefined, () => 7)).toEqual({ from: first, kept: null });
  // The store itself as the source leaves a store, not a hole.
  expect((await restoreDatabase(path, NOTES_ID, path, () => 8)).kept).toBe(`${path}.replaced-8`);
  expect(await namesIn(path)).toEqual(["a"]);
});

test("restore refuses what is no sound backup of this store, and changes nothing then", async () => {
  await add("a");
  const before = readFileSync(path);
  const foreign = folder.in("foreign.db");
  openDatabase({ ...NOTES, path: foreign, applicationId: 5 }).close();
  for (const from of [undefined, folder.in("missing.db"), foreign]) {
    await expect(restoreDatabase(path, NOTES_ID, from, () => 0)).rejects.toMatchObject({ code: "not_found" });
  }
  expect(readFileSync(path)).toEqual(before);
  expect(existsSync(`${path}.restoring`)).toBe(false);
});

test("restore refuses while another process has the store open, idle or writing", async () => {
  await add("a");
  await backupDatabase(path, () => 1);
  for (const work of ["open", "hold"]) {
    const other = startNode([PROCESS, path]);
    await other.hear();
    other.tell(work);
    await other.hear();
    await expect(restoreDatabase(path, NOTES_ID, undefined, () => 0)).rejects.toMatchObject({
      code: "unavailable",
      message: `${path} is in use`,
    });
    other.signal("SIGKILL");
    await other.ended;
  }
  await restoreDatabase(path, NOTES_ID, undefined, () => 0);
  expect(await namesIn(path)).toEqual(["a"]);
});

test("check finds a changed byte in a page, a changed event, a broken reference, and reads without changing", async () => {
  const filler = Array.from({ length: 300 }, (_, i) => `${i} ${"x".repeat(100)}`);
  await add(...filler);
  const sound = readFileSync(path);
  expect(checkFile(path)).toEqual([]);
  expect(readFileSync(path)).toEqual(sound);
  // The cell count of a page in the middle.
  const page = Buffer.from(sound);
  const at = Math.floor(sound.length / 4096 / 2) * 4096;
  page[at + 3] = (page[at + 3] ?? 0) ^ 0x7f;
  writeFileSync(path, page);
  expect(checkFile(path)).not.toEqual([]);
  writeFileSync(path, sound);
  const connection = new DatabaseSync(path);
  connection.exec("UPDATE event SET data = replace(data, 'xxx', 'xyx') WHERE seq = 17");
  expect(checkFile(path)).toEqual(["event 17: the row was changed"]);
  connection.close();
  writeFileSync(path, sound);
  const other = folder.in("other.db");
  openDatabase({
    ...NOTES,
    path: other,
    migrations: [
      `${NOTES.migrations.join("")} CREATE TABLE child (note INTEGER REFERENCES note (rowid_)) STRICT;`.replace(
        "note (name",
        "note (rowid_ INTEGER PRIMARY KEY, name",
      ),
    ],
  }).close();
  const loose = new DatabaseSync(other, { enableForeignKeyConstraints: false });
  loose.exec("INSERT INTO child VALUES (7), (8)");
  loose.close();
  expect(checkFile(other)).toEqual(["table child: 2 rows refer to rows that are not there"]);
  appendFileSync(folder.in("not-a-store.db"), "x".repeat(5_000));
  expect(checkFile(folder.in("not-a-store.db"))).toEqual(["cannot be read: file is not a database"]);
});
