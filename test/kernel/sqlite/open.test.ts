import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DomainError } from "../../../kernel/errors.ts";
import { backupDatabase, listBackups } from "../../../kernel/sqlite/backup.ts";
import { openDatabase } from "../../../kernel/sqlite/open.ts";
import { startNode } from "../../support/line-process.ts";
import { NOTES, notesOver, openNotes, SOMEBODY, temporaryFolder } from "../../support/notes-store.ts";

let folder: ReturnType<typeof temporaryFolder>;
let path: string;
beforeEach(() => {
  folder = temporaryFolder();
  path = folder.in("home/tasks.db");
});
afterEach(() => folder.remove());

function refusalOf(open: () => unknown): DomainError {
  try {
    open();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

async function withNotes(...names: readonly string[]): Promise<void> {
  const store = notesOver(openNotes(path));
  for (const name of names) await store.write(SOMEBODY, (tx) => tx.add(name));
  store.close();
}

test("a first open makes a private folder that git ignores, and a file in WAL with full durability", async () => {
  const db = openNotes(path);
  expect(statSync(folder.in("home")).mode & 0o777).toBe(0o700);
  expect(readFileSync(folder.in("home/.gitignore"), "utf8")).toBe("*\n");
  const pragma = (name: string): Promise<unknown> =>
    db.read((sql) => Object.values(sql.get(`PRAGMA ${name}`) ?? {})[0]);
  expect(await pragma("journal_mode")).toBe("wal");
  expect(await pragma("synchronous")).toBe(2);
  expect(await pragma("foreign_keys")).toBe(1);
  expect(await pragma("application_id")).toBe(NOTES.applicationId);
  expect(await pragma("user_version")).toBe(1);
  db.close();
});

test("processes that open a fresh file at the same moment all succeed, and the schema is made once", async () => {
  const script = join(import.meta.dirname, "../../support/notes-process.ts");
  for (let round = 0; round < 3; round += 1) {
    const file = folder.in(`round-${round}/tasks.db`);
    const processes = Array.from({ length: 4 }, () => startNode([script, file]));
    expect(await Promise.all(processes.map((one) => one.hear()))).toEqual([
      "ready",
      "ready",
      "ready",
      "ready",
    ]);
    for (const one of processes) one.tell("open");
    expect(await Promise.all(processes.map((one) => one.hear()))).toEqual(["open", "open", "open", "open"]);
    for (const one of processes) one.endInput();
    await Promise.all(processes.map((one) => one.ended));
    const connection = new DatabaseSync(file, { readOnly: true });
    expect(connection.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'note'").get()).toEqual({
      n: 1,
    });
    connection.close();
  }
});

const SECOND = "ALTER TABLE note ADD COLUMN color TEXT NOT NULL DEFAULT 'grey';";

test("a migration keeps the rows, and a copy of the store before it that the older version opens", async () => {
  await withNotes("a", "b");
  const now = Date.UTC(2026, 10, 20, 10, 11, 12, 123);
  const db = openDatabase({ ...NOTES, path, migrations: [...NOTES.migrations, SECOND], clock: () => now });
  expect(await db.read((sql) => sql.all("SELECT name, color FROM note"))).toEqual([
    { name: "a", color: "grey" },
    { name: "b", color: "grey" },
  ]);
  db.close();
  const [copy = "", ...more] = listBackups(path);
  expect(more).toEqual([]);
  expect(copy).toBe(folder.in("home/backups/tasks-20261120T101112-123Z-before-schema-2.db"));
  copyFileSync(copy, folder.in("older.db"));
  const older = notesOver(openNotes(folder.in("older.db")));
  expect(await older.read((tx) => tx.names())).toEqual(["a", "b"]);
  older.close();
  // Opened once more there is nothing to do and no second copy.
  openDatabase({ ...NOTES, path, migrations: [...NOTES.migrations, SECOND] }).close();
  expect(listBackups(path)).toEqual([copy]);
});

test("a migration that fails leaves the store as it was, and no copy for each try", async () => {
  await withNotes("a");
  for (let attempt = 0; attempt < 3; attempt += 1) {
    expect(() =>
      openDatabase({ ...NOTES, path, migrations: [...NOTES.migrations, "CREATE TABLE extra (x) STRICT;"] }),
    ).toThrow();
  }
  expect(listBackups(path)).toEqual([]);
  const store = notesOver(openNotes(path));
  expect(await store.read((tx) => tx.names())).toEqual(["a"]);
  store.close();
});

test("a newer schema is refused and its file stays as it was, also with a log that nobody has played back", async () => {
  mkdirSync(folder.in("home"));
  const writer = openDatabase({
    ...NOTES,
    path: folder.in("live/tasks.db"),
    migrations: [...NOTES.migrations, SECOND],
  });
  await writer.write((sql) => sql.run("INSERT INTO note (name) VALUES ('a')"));
  // What a kill leaves: the file and the log, without the end of the last connection.
  for (const side of ["", "-wal"]) copyFileSync(folder.in(`live/tasks.db${side}`), path + side);
  writer.close();
  const before = [readFileSync(path), readFileSync(`${path}-wal`)];
  const refusal = refusalOf(() => openNotes(path));
  expect(refusal.message).toBe(`${path} was written by a newer Slipway (schema 2, this one knows 1)`);
  expect(refusal).toMatchObject({ code: "unavailable", retryable: false });
  expect([readFileSync(path), readFileSync(`${path}-wal`)]).toEqual(before);
});

test("another server's file, and a database of another program, are refused and stay as they were", async () => {
  await withNotes("a");
  const before = readFileSync(path);
  expect(refusalOf(() => openDatabase({ ...NOTES, path, applicationId: 7 })).message).toBe(
    `${path} is not a store of this server`,
  );
  expect(readFileSync(path)).toEqual(before);
  const foreign = folder.in("foreign.db");
  const connection = new DatabaseSync(foreign);
  connection.exec("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1);");
  connection.close();
  const theirs = readFileSync(foreign);
  expect(refusalOf(() => openNotes(foreign)).message).toBe(`${foreign} is not a store of this server`);
  expect(readFileSync(foreign)).toEqual(theirs);
});

test("a truncated or garbled file is refused with the way back, and stays byte for byte what it was", async () => {
  await withNotes(...Array.from({ length: 400 }, (_, i) => `note ${i} ${"x".repeat(100)}`));
  const whole = readFileSync(path);
  const garbled = [
    whole.subarray(0, 50),
    whole.subarray(0, 100),
    whole.subarray(0, 4096),
    whole.subarray(0, whole.length / 2),
    whole.subarray(0, whole.length - 4096),
    Buffer.from("this is no database at all, but long enough to be one".repeat(100)),
    Buffer.alloc(8192),
  ];
  for (const bytes of garbled) {
    writeFileSync(path, bytes);
    const refusal = refusalOf(() => openNotes(path));
    expect(refusal.message).toBe(`${path} is damaged`);
    expect(refusal).toMatchObject({ code: "unavailable", retryable: false });
    expect(refusal.hint).toContain("slipway tasks restore");
    expect(readFileSync(path).equals(bytes)).toBe(true);
  }
});

test("an empty file is a first start, unless backups or a log say that it once held something", async () => {
  mkdirSync(folder.in("home"));
  writeFileSync(path, "");
  await withNotes("a");
  await backupDatabase(path, () => 0);
  writeFileSync(path, "");
  expect(refusalOf(() => openNotes(path)).message).toBe(`${path} is damaged`);
  expect(statSync(path).size).toBe(0);
  const other = folder.in("other/tasks.db");
  mkdirSync(folder.in("other"));
  writeFileSync(other, "");
  writeFileSync(`${other}-wal`, "all there is");
  expect(refusalOf(() => openNotes(other)).message).toBe(`${other} is damaged`);
  expect(readFileSync(`${other}-wal`, "utf8")).toBe("all there is");
});

test("a folder in the file's place is refused in words", () => {
  mkdirSync(path, { recursive: true });
  expect(refusalOf(() => openNotes(path))).toMatchObject({ code: "unavailable", retryable: false });
});

test("a read-only folder and a read-only file are refused in words, and nothing is made", async () => {
  await withNotes("a");
  const source = join(import.meta.dirname, "../../../kernel/sqlite/open.ts");
  const program = `
    const { openDatabase } = await import(${JSON.stringify(source)});
    // Rights mean nothing to the superuser, so it goes on as nobody.
    if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }
    try { openDatabase({ path: process.argv[1], applicationId: ${NOTES.applicationId}, migrations: ${JSON.stringify(NOTES.migrations)} }); console.log("opened"); }
    catch (error) { console.log(JSON.stringify({ code: error.code, message: error.message, retryable: error.retryable })); }`;
  chmodSync(folder.path, 0o755);
  const open = async (file: string): Promise<string> => {
    const child = startNode(["--input-type=module", "-e", program, file]);
    const line = await child.hear();
    await child.ended;
    return line;
  };
  chmodSync(path, 0o444);
  chmodSync(folder.in("home"), 0o777);
  const before = readFileSync(path);
  expect(JSON.parse(await open(path))).toEqual({
    code: "unavailable",
    message: `${path} cannot be written`,
    retryable: false,
  });
  expect(readFileSync(path)).toEqual(before);
  chmodSync(folder.in("home"), 0o555);
  const there = readdirSync(folder.in("home"));
  expect(JSON.parse(await open(path))).toEqual({
    code: "unavailable",
    message: `the state folder ${folder.in("home")} cannot be written`,
    retryable: false,
  });
  expect(readdirSync(folder.in("home"))).toEqual(there);
  chmodSync(folder.path, 0o555);
  expect(JSON.parse(await open(folder.in("fresh/tasks.db")))).toMatchObject({
    code: "unavailable",
    retryable: false,
  });
  expect(existsSync(folder.in("fresh"))).toBe(false);
  chmodSync(folder.path, 0o755);
  chmodSync(folder.in("home"), 0o755);
});

test("a store in memory works and leaves nothing behind", async () => {
  const store = notesOver(openNotes(":memory:"));
  await store.write(SOMEBODY, (tx) => tx.add("a"));
  expect(await store.read((tx) => tx.names())).toEqual(["a"]);
  store.close();
});
