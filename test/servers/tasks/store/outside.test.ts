import { spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { backupDatabase } from "../../../../kernel/sqlite/backup.ts";
import { checkFile } from "../../../../kernel/sqlite/check.ts";
import { DomainError } from "../../../../kernel/errors.ts";
import { openTaskStore } from "../../../../servers/tasks/index.ts";
import { openServed, temporaryFolder } from "../../../support/all-servers.ts";
import { slipwayHere } from "../../../support/slipway-here.ts";
import { slipway } from "../../../support/slipway-process.ts";
import { tasksForTest } from "../../../support/tasks.ts";
import { run } from "../call.ts";

const folder = temporaryFolder("tasks-outside");
const home = (name: string): string => join(folder.path, name);
const file = (name: string): string => join(home(name), "tasks.db");
afterAll(() => folder.dispose());

async function filled(name: string, ...titles: readonly string[]): Promise<void> {
  const server = await openServed("tasks", home(name));
  for (const title of titles) await run(server, "add_tasks", { tasks: [{ title }] });
  await server.close();
}

async function titles(name: string): Promise<readonly string[]> {
  const { code, out } = await slipwayHere(["tasks", "list", "--all", "--json", "--home", home(name)]);
  expect(code).toBe(0);
  return out.map((line) => z.object({ title: z.string() }).parse(JSON.parse(line)).title);
}

/** Runs a verb where no file may grow beyond a megabyte: `ulimit` of POSIX counts in blocks of 512 bytes. */
function onFullDisk(
  argv: readonly string[],
): Promise<{ readonly code: number | null; readonly err: string }> {
  const main = join(import.meta.dirname, "../../../../bin/main.ts");
  const child = spawn(
    "sh",
    ["-c", `trap '' XFSZ; ulimit -f 2000; exec "$@"`, "sh", process.execPath, main, ...argv],
    { env: { PATH: process.env["PATH"] ?? "", HOME: folder.path }, stdio: ["ignore", "ignore", "pipe"] },
  );
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, err })));
}

test("a full disk refuses in one line, adds nothing by halves, and loses nothing that was there", async () => {
  await filled("full", "kept");
  const big = Array.from({ length: 45 }, (_, i) => ({ title: `big ${i}`, description: "x".repeat(40_000) }));
  writeFileSync(join(folder.path, "big.json"), JSON.stringify(big));
  const add = ["tasks", "add", "--file", join(folder.path, "big.json"), "--home", home("full")];
  expect(await onFullDisk(add)).toEqual({
    code: 4,
    err: `slipway: the disk under ${file("full")} is full or failing (free some space, then call again)\n`,
  });
  expect(checkFile(file("full"))).toEqual([]);
  expect(await titles("full")).toEqual(["kept"]);
  // With space it is the same call that works.
  expect((await slipwayHere(add)).code).toBe(0);
  expect(await titles("full")).toHaveLength(46);
});

test("a file that another program keeps locked refuses as retryable, and takes the call again afterwards", async () => {
  const queue = tasksForTest(file("locked"));
  await run(queue.server, "add_tasks", {
    tasks: [{ title: "a" }, { title: "b", not_before: "2026-01-01T01:00:00Z" }],
  });
  const other = new DatabaseSync(file("locked"));
  other.exec("BEGIN IMMEDIATE");
  const keyed = { agent: "ann", idempotency_key: "k" };
  let isRefused = false;
  const refused = expect(
    run(queue.server, "claim_task", keyed).finally(() => void (isRefused = true)),
  ).rejects.toMatchObject({
    code: "unavailable",
    retryable: true,
    message: expect.stringContaining("another process kept"),
  });
  // Reading goes on meanwhile, and where upkeep is due and cannot be done it tells what is there.
  const asItWas = { tasks: [{ status: "ready" }, { status: "scheduled" }] };
  expect(await run(queue.server, "list_tasks", {})).toMatchObject(asItWas);
  expect(isRefused).toBe(false);
  queue.advance(3_600_000);
  expect(await run(queue.server, "list_tasks", {})).toMatchObject(asItWas);
  await refused;
  // A call that waits when the lock is let go is done.
  const again = run(queue.server, "claim_task", keyed);
  other.exec("ROLLBACK");
  other.close();
  expect(await again).toMatchObject({ task: { title: "a" }, claim: { attempt: 1 } });
  await queue.server.close();
});

test("a store of a newer version is refused as it is, and stays byte for byte what it was", async () => {
  await filled("newer", "a");
  const db = new DatabaseSync(file("newer"));
  db.exec("PRAGMA user_version = 999; PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
  const before = readFileSync(file("newer"));
  expect(() => openTaskStore(file("newer"), Date.now)).toThrow(DomainError);
  const { code, err } = await slipwayHere(["tasks", "list", "--home", home("newer")]);
  expect(code).toBe(4);
  expect(err).toEqual([
    expect.stringMatching(
      /^slipway: .* was written by a newer Slipway \(schema 999, .*\) \(update Slipway, or restore/,
    ),
  ]);
  expect(readFileSync(file("newer")).equals(before)).toBe(true);
});

describe("two restores at once", () => {
  test("end with the backup in place, whoever comes first, and leave no draft behind", async () => {
    await filled("twice", "backed up");
    await backupDatabase(file("twice"), Date.now);
    await filled("twice", "later");
    const both = await Promise.all([1, 2].map(() => slipway(["tasks", "restore", "--home", home("twice")])));
    expect(both.map(({ code }) => code)).toContain(0);
    for (const { code, err } of both)
      if (code !== 0) expect({ code, err }).toEqual({ code: 4, err: [expect.stringMatching(BUSY)] });
    expect(checkFile(file("twice"))).toEqual([]);
    expect(await titles("twice")).toEqual(["backed up"]);
    expect(readdirSync(home("twice")).filter((name) => name.includes("restoring"))).toEqual([]);
  });

  test("the second is refused while the first is at it, and changes nothing", async () => {
    await filled("held", "backed up");
    await backupDatabase(file("held"), Date.now);
    await filled("held", "later");
    const first = new DatabaseSync(join(home("held"), "backups", "tasks.restore-lock"));
    first.exec("BEGIN EXCLUSIVE");
    const { code, err } = await slipwayHere(["tasks", "restore", "--home", home("held")]);
    expect({ code, err }).toEqual({ code: 4, err: [expect.stringMatching(BUSY)] });
    first.close();
    expect(await titles("held")).toEqual(["backed up", "later"]);
  });
});

const BUSY = /^slipway: .*tasks\.db is (being restored by another process|in use) /;
