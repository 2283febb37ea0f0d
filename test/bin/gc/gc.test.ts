import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chooseGarbage, type Kept } from "../../../bin/gc/retention.ts";
import { silentLog } from "../../../kernel/log.ts";
import { openServer } from "../../../orchestrator/gateway.ts";
import { connect, mustCall } from "../../support/connect.ts";
import { gitPlayground, type GitPlayground } from "../../support/git-repository.ts";
import { slipwayHere } from "../../support/slipway-here.ts";

let ground: GitPlayground;
let home: string;
beforeEach(() => {
  ground = gitPlayground();
  home = join(ground.base, "state");
});
afterEach(() => ground.dispose());

const run = (...argv: readonly string[]) =>
  slipwayHere(["gc", "--home", home, ...argv], { cwd: ground.app, env: { HOME: ground.home } });

function put(path: string, daysAgo: number, bytes = 1_000_000): string {
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, Buffer.alloc(bytes));
  const at = Date.now() / 1_000 - daysAgo * 86_400;
  utimesSync(file, at, at);
  return path;
}

test("what is old goes, the newest of each thing stays, and first it is only said", async () => {
  const stays = [
    put("tasks.db", 400),
    put("receipt.key", 400, 10),
    put("backups/tasks-20250101T000000-000.db", 40),
    put("backups/memory-20260101T000000-000.db", 1),
    put("backups/notes.txt", 400),
    put("host-backups/zed-2-settings.json", 200),
  ];
  const goes = [
    put("backups/tasks-20240101T000000-000.db", 50),
    put("tasks.db.replaced-1", 60),
    put("host-backups/zed-1-settings.json", 300),
    put("scratch/left/file", 90),
  ];
  // The newest that a restore put aside stays, too.
  const aside = put("tasks.db.replaced-2", 50);
  const scratch = join(home, "scratch/left");
  utimesSync(scratch, 1, 1);
  const said = await run("--json");
  expect(said).toMatchObject({
    code: 0,
    err: ["4.0 MB could go; nothing was changed, slipway gc --yes does it"],
  });
  const paths = said.out.map((line) => JSON.parse(line).path);
  expect(paths.toSorted()).toEqual(
    goes.map((path) => (path.startsWith("scratch") ? scratch : join(home, path))).toSorted(),
  );
  for (const path of [...stays, ...goes, aside]) expect(existsSync(join(home, path))).toBe(true);
  expect(await run("--yes")).toMatchObject({ code: 0, err: [`4.0 MB freed in ${home}`] });
  expect([...stays, aside].filter((path) => !existsSync(join(home, path)))).toEqual([]);
  expect(goes.filter((path) => existsSync(join(home, path)))).toEqual([]);
  expect((await run()).out).toEqual([]);
});

test("a worktree whose lease has ended goes; one with unsaved work stays, and so do the branches", async () => {
  ground.repository(ground.app);
  const env = { PATH: process.env["PATH"], HOME: ground.home };
  const server = await openServer("git", { home, env, cwd: ground.app, log: silentLog });
  const { client, close } = await connect(server);
  const paths: string[] = [];
  for (const branch of ["done", "unsaved"]) {
    const answer = await mustCall(client, "add_worktree", { repo: ground.app, branch });
    paths.push(Object(answer["worktree"]).path);
  }
  await close();
  await server.close();
  writeFileSync(join(paths[1] ?? "", "readme.md"), "unsaved\n");
  expect((await run("--json")).out).toEqual([]);
  const connection = new DatabaseSync(join(home, "git.db"));
  connection.exec("UPDATE worktree SET expires_at = 1");
  connection.close();
  expect((await run("--json")).out).toHaveLength(2);
  const ran = await run("--yes");
  expect(ran).toMatchObject({ code: 1 });
  expect(ran.err[0]).toMatch(/stays: 1 unsaved file would be lost: readme.md/);
  expect(paths.map((path) => existsSync(path))).toEqual([false, true]);
  expect(ground.git(ground.app, "branch", "--list", "done")).toContain("done");
  expect(readdirSync(home)).toContain("git.db");
});

test("whatever is there: the newest of each stays, nothing young goes without a budget, and a budget is kept", () => {
  const kept = fc.record({
    path: fc.string(),
    bytes: fc.integer({ min: 0, max: 100 }),
    at: fc.integer({ min: 0, max: 100 }).map((days) => days * 86_400_000),
    kind: fc.constantFrom("backup", "scratch" as const),
    of: fc.constantFrom("a", "b"),
  });
  fc.assert(
    fc.property(
      fc.array(kept),
      fc.integer({ min: 0, max: 100 }),
      fc.option(fc.integer({ min: 0, max: 500 }), { nil: undefined }),
      (all: readonly Kept[], keepDays, mostBytes) => {
        const now = 100 * 86_400_000;
        const gone = new Set(
          chooseGarbage(all, { now, keepDays, mostBytes }).map(
            ({ path, at, bytes }) => `${path} ${at} ${bytes}`,
          ),
        );
        const isGone = ({ path, at, bytes }: Kept): boolean => gone.has(`${path} ${at} ${bytes}`);
        for (const of of ["a", "b"]) {
          const copies = all.filter((item) => item.of === of && item.kind !== "scratch");
          if (copies.length > 0) expect(copies.some((item) => !isGone(item))).toBe(true);
        }
        const oldest = now - keepDays * 86_400_000;
        const day = now - 86_400_000;
        expect(all.filter((item) => item.kind === "scratch" && item.at >= day && isGone(item))).toEqual([]);
        if (mostBytes === undefined)
          expect(all.filter((item) => item.at >= oldest && isGone(item))).toEqual([]);
      },
    ),
    { numRuns: 100, seed: 9 },
  );
});
