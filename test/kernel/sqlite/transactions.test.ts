import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DomainError } from "../../../kernel/errors.ts";
import { checkFile } from "../../../kernel/sqlite/check.ts";
import type { Database } from "../../../kernel/sqlite/database.ts";
import { startNode } from "../../support/line-process.ts";
import { notesOver, openNotes, SOMEBODY, temporaryFolder } from "../../support/notes-store.ts";

const PROCESS = join(import.meta.dirname, "../../support/notes-process.ts");

let folder: ReturnType<typeof temporaryFolder>;
let path: string;
let db: Database;
beforeEach(() => {
  folder = temporaryFolder();
  path = folder.in("tasks.db");
  db = openNotes(path);
});
afterEach(() => {
  db.close();
  folder.remove();
});

test("calls made at once run one after another, whole, whatever they wait for inside", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ writes: fc.boolean(), waits: fc.nat(4), fails: fc.boolean() }), { maxLength: 12 }),
      async (plan) => {
        let inside = 0;
        const count = (): Promise<number> =>
          db.read((sql) => Number(sql.get("SELECT count(*) AS n FROM note")?.["n"]));
        const before = await count();
        const results = await Promise.allSettled(
          plan.map(({ writes, waits, fails }, at) =>
            (writes ? db.write : db.read)(async (sql) => {
              inside += 1;
              expect(inside).toBe(1);
              if (writes) sql.run("INSERT INTO note (name) VALUES (?)", `${before}-${at}`);
              for (let i = 0; i < waits; i += 1) await turn();
              inside -= 1;
              if (fails) throw new Error("as planned");
            }),
          ),
        );
        expect(results.map((result) => result.status)).toEqual(
          plan.map(({ fails }) => (fails ? "rejected" : "fulfilled")),
        );
        expect(await count()).toBe(before + plan.filter(({ writes, fails }) => writes && !fails).length);
      },
    ),
    { numRuns: 30, seed: 1 },
  );
});

test("a throw inside a write undoes everything, events and kept answer too, and its words arrive unchanged", async () => {
  const store = notesOver(db);
  const refused = new DomainError("denied", "not this one");
  const once = { tool: "t", key: "k", digest: "d" };
  const writer = { ...SOMEBODY, once };
  await expect(
    store.answer(writer, async (tx) => {
      tx.add("a");
      await turn();
      throw refused;
    }),
  ).rejects.toBe(refused);
  expect(await store.read((tx) => tx.names())).toEqual([]);
  expect(await store.events({ after: 0, limit: 10 })).toEqual([]);
  expect(await store.keptAnswer(writer)).toBeUndefined();
  // A constraint that breaks half way through takes the half before with it.
  await expect(store.write(SOMEBODY, (tx) => (tx.add("b"), tx.add("b")))).rejects.toThrow(/UNIQUE/);
  expect(await store.read((tx) => tx.names())).toEqual([]);
  await store.write(SOMEBODY, (tx) => tx.add("c"));
  expect((await store.events({ after: 0, limit: 10 })).map((event) => event.seq)).toEqual([1]);
});

test("a transaction inside a transaction is a defect that shows at once instead of waiting for itself", async () => {
  for (const outer of [db.read, db.write]) {
    for (const inner of [db.read, db.write]) {
      await expect(outer(() => inner(() => 1))).rejects.toThrow(/inside another one/);
    }
  }
  // Another store may be asked inside, and the same one afterwards by what the transaction started.
  const other = openNotes(":memory:");
  let late: Promise<number> = Promise.resolve(0);
  const ended = Promise.withResolvers<void>();
  await db.write(async () => {
    await other.read(() => 1);
    late = ended.promise.then(() => db.read(() => 2));
  });
  ended.resolve();
  expect(await late).toBe(2);
  other.close();
});

test("a read changes nothing", async () => {
  await expect(db.read((sql) => sql.run("INSERT INTO note (name) VALUES ('a')"))).rejects.toThrow(
    "a read may not change the store",
  );
  await expect(notesOver(db).read((tx) => tx.add("a"))).rejects.toThrow("a read may not change the store");
});

test("a read sees one moment, although another process writes meanwhile", async () => {
  const other = openNotes(path);
  const seen = await db.read(async (sql) => {
    const count = (): unknown => sql.get("SELECT count(*) AS n FROM note")?.["n"];
    const before = count();
    await other.write((theirs) => theirs.run("INSERT INTO note (name) VALUES ('theirs')"));
    return [before, count()];
  });
  expect(seen).toEqual([0, 0]);
  expect(await db.read((sql) => sql.get("SELECT count(*) AS n FROM note")?.["n"])).toBe(1);
  other.close();
});

test("after close, and in the middle of a write that close cuts off, calls are refused in words", async () => {
  const going = db.write(async (sql) => {
    sql.run("INSERT INTO note (name) VALUES ('cut')");
    db.close();
    await turn();
  });
  await expect(going).rejects.toMatchObject({ code: "unavailable", message: `${path} was closed` });
  await expect(db.read(() => 1)).rejects.toMatchObject({
    code: "unavailable",
    message: `${path} was closed`,
  });
  db.close();
  db = openNotes(path);
  expect(await db.read((sql) => sql.all("SELECT name FROM note"))).toEqual([]);
});

test("texts made at run time do not pile up prepared statements without end", async () => {
  await db.read((sql) => {
    for (let i = 0; i < 2_000; i += 1) expect(sql.get(`SELECT ${i} AS n`)).toEqual({ n: i });
  });
});

test("a store that another process keeps busy refuses as retryable, never as damaged, and works afterwards", async () => {
  const other = startNode([PROCESS, path]);
  await other.hear();
  other.tell("hold");
  expect(await other.hear()).toBe("held");
  const started = Date.now();
  let beats = 0;
  const heart = setInterval(() => (beats += 1), 20);
  await expect(db.write((sql) => sql.run("INSERT INTO note (name) VALUES ('mine')"))).rejects.toMatchObject({
    code: "unavailable",
    retryable: true,
    message: `another process kept ${path} busy for 5 s`,
  });
  clearInterval(heart);
  expect(Date.now() - started).toBeGreaterThan(4_000);
  // Whatever else the process has to do goes on meanwhile.
  expect(beats).toBeGreaterThan(50);
  expect(await db.read((sql) => sql.all("SELECT name FROM note"))).toEqual([]);
  other.tell("let go");
  expect(await other.hear()).toBe("error let go");
  await db.write((sql) => sql.run("INSERT INTO note (name) VALUES ('mine')"));
  other.endInput();
  expect(await other.ended).toBe(0);
});

test("whatever a killed process had acknowledged is there, and the file is sound", async () => {
  const acknowledged: string[] = [];
  for (let round = 0; round < 6; round += 1) {
    const writers = [0, 1].map((at) => startNode([PROCESS, path, `w${round}-${at}`]));
    await Promise.all(writers.map((writer) => writer.hear()));
    for (const writer of writers) writer.tell("write");
    await Promise.all(
      writers
        .map(async (writer, at) => {
          for (let i = 0; i < 5 + ((round * 7 + at * 3) % 11); i += 1) acknowledged.push(await writer.hear());
          writer.signal("SIGKILL");
          // What it had said before it died counts as well.
          for (;;) acknowledged.push(await writer.hear());
        })
        .map((heard) => heard.catch(() => undefined)),
    );
    await Promise.all(writers.map((writer) => writer.ended));
  }
  const notes = await db.read((sql) => sql.all("SELECT name FROM note").map((row) => String(row["name"])));
  expect(acknowledged.filter((name) => !notes.includes(name))).toEqual([]);
  expect(acknowledged.length).toBeGreaterThan(60);
  expect(await db.read((sql) => sql.get("SELECT count(*) AS n FROM event")?.["n"])).toBe(notes.length);
  expect(checkFile(path)).toEqual([]);
  expect(readFileSync(path).subarray(0, 15).toString()).toBe("SQLite format 3");
}, 60_000);
