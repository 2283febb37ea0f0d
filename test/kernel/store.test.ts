import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AnsweredMeanwhile, type Store, type Writer } from "../../kernel/store.ts";
import { startNode } from "../support/line-process.ts";
import { notesOver, openNotes, temporaryFolder, type Notes } from "../support/notes-store.ts";

const HOUR = 3_600_000;

let folder: ReturnType<typeof temporaryFolder>;
let path: string;
let now: number;
let store: Store<Notes>;
beforeEach(() => {
  folder = temporaryFolder();
  path = folder.in("tasks.db");
  now = 0;
  store = notesOver(openNotes(path), () => now);
});
afterEach(() => {
  store.close();
  folder.remove();
});

const writer = (key: string | undefined, { principal = "ann", tool = "add", digest = "d" } = {}): Writer => ({
  principal: { id: principal },
  once: key === undefined ? undefined : { tool, key, digest },
});
const add = (by: Writer, name: string): Promise<{ readonly added: string }> =>
  store.answer(by, (tx) => {
    tx.add(name);
    return { added: name };
  });

test("an answer is kept under its principal, its tool and its key, and under no other", async () => {
  await add(writer("k"), "a");
  expect(await store.keptAnswer(writer("k"))).toEqual({ added: "a" });
  for (const other of [
    writer("k2"),
    writer("k", { principal: "bob" }),
    writer("k", { tool: "other" }),
    writer(undefined),
  ]) {
    expect(await store.keptAnswer(other)).toBeUndefined();
  }
  await add(writer("k", { principal: "bob" }), "b");
  await add(writer("k", { tool: "other" }), "c");
  await add(writer(undefined), "d");
  expect(await store.read((tx) => tx.names())).toEqual(["a", "b", "c", "d"]);
});

test("the same key with other arguments is a conflict, on asking and on writing, and changes nothing", async () => {
  await add(writer("k"), "a");
  await expect(store.keptAnswer(writer("k", { digest: "other" }))).rejects.toMatchObject({
    code: "conflict",
    retryable: false,
  });
  await expect(add(writer("k", { digest: "other" }), "b")).rejects.toMatchObject({ code: "conflict" });
  expect(await store.read((tx) => tx.names())).toEqual(["a"]);
});

test("a key is free again after 24 hours, not before, and what is over is cleared away", async () => {
  await add(writer("k"), "a");
  now = 24 * HOUR;
  expect(await store.keptAnswer(writer("k"))).toEqual({ added: "a" });
  await expect(add(writer("k"), "b")).rejects.toBeInstanceOf(AnsweredMeanwhile);
  now += 1;
  expect(await store.keptAnswer(writer("k"))).toBeUndefined();
  expect(await store.keptAnswer(writer("k", { digest: "other" }))).toBeUndefined();
  await add(writer("k2"), "b");
  const db = openNotes(path);
  expect(await db.read((sql) => sql.all("SELECT key FROM answer"))).toEqual([{ key: "k2" }]);
  db.close();
  await add(writer("k", { digest: "other" }), "c");
  expect(await store.keptAnswer(writer("k", { digest: "other" }))).toEqual({ added: "c" });
});

test("an answer that is not to be kept leaves its key free", async () => {
  const look = (): Promise<{ readonly found: number }> =>
    store.answer(
      writer("k"),
      (tx) => ({ found: tx.names().length }),
      ({ found }) => found > 0,
    );
  expect(await look()).toEqual({ found: 0 });
  expect(await store.keptAnswer(writer("k"))).toBeUndefined();
  await add(writer(undefined), "a");
  expect(await look()).toEqual({ found: 1 });
  expect(await store.keptAnswer(writer("k"))).toEqual({ found: 1 });
});

test("of many writes at once with one key one changes the store", async () => {
  const results = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => add(writer("k"), `a${i}`)));
  expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
  for (const result of results)
    if (result.status === "rejected") expect(result.reason).toBeInstanceOf(AnsweredMeanwhile);
  expect(await store.read((tx) => tx.names())).toHaveLength(1);
});

test("of several processes with one key one changes the store, and the others learn that it was answered", async () => {
  const script = join(import.meta.dirname, "../support/notes-process.ts");
  const processes = ["one", "two", "three"].map((name) => startNode([script, path, name]));
  for (const one of processes) {
    await one.hear();
    one.tell("open");
    await one.hear();
  }
  for (const one of processes) one.tell("answer");
  const said = await Promise.all(processes.map((one) => one.hear()));
  const [winner] = said.filter((line) => line.startsWith("answered "));
  expect(said.toSorted()).toEqual([winner, "meanwhile", "meanwhile"].toSorted());
  expect(
    await store.keptAnswer({ principal: { id: "local" }, once: { tool: "t", key: "k", digest: "d" } }),
  ).toEqual({
    by: winner?.replace("answered ", ""),
  });
  expect(await store.read((tx) => tx.names())).toEqual(["once"]);
  for (const one of processes) one.endInput();
  await Promise.all(processes.map((one) => one.ended));
});

test("events carry who wrote and when the write ended, in the order of their emission", async () => {
  await store.write(writer(undefined), async (tx) => {
    tx.add("a");
    now = 7;
    await turn();
    tx.add("b");
  });
  expect(
    (await store.events({ after: 0, limit: 5 })).map(({ seq, subject, principal, at }) => [
      seq,
      subject,
      principal,
      at,
    ]),
  ).toEqual([
    [1, "a", "ann", "1970-01-01T00:00:00.007Z"],
    [2, "b", "ann", "1970-01-01T00:00:00.007Z"],
  ]);
});
