import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../../kernel/clock.ts";
import { parsePatches } from "../../../../servers/decision/adapters/mined-history.ts";
import { train } from "../../../../servers/decision/cli/train.ts";
import { openDecisionStore } from "../../../../servers/decision/store/sqlite.ts";
import { makeRepository, type Repository } from "../repository.ts";

let repo: Repository;
let home: string;
beforeAll(() => {
  repo = makeRepository();
  home = mkdtempSync(join(tmpdir(), "slipway-train-"));
  repo.write("a.ts", "one\n-- a/b\nthree\n");
  repo.commit("start");
  repo.write("sp ace\u00e9.ts", "x\n");
  repo.commit("a name that git quotes");
  repo.write("a.ts", "one\nthree\n");
  repo.commit("fix: take it out");
  repo.commit("end", undefined, 100);
});
afterAll(() => {
  repo.remove();
  rmSync(home, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const run = (...argv: readonly string[]): Promise<Ran> => run.in(repo.path, ...argv);
run.in = async (cwd: string, ...argv: readonly string[]): Promise<Ran> => {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await train(argv.includes("--home") ? argv : [...argv, "--home", home], {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    env: { PATH: process.env["PATH"] },
    cwd,
    terminal: undefined,
    signal: new AbortController().signal,
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
};

test("a removed line that looks like a header, a quoted name, a binary file", () => {
  const files = parsePatches(
    [
      "\u0001abc",
      "",
      "diff --git a/a.ts b/a.ts",
      "--- a/a.ts",
      "+++ b/a.ts",
      "@@ -2 +2 @@ one",
      "--- a/b",
      "+++ c",
      "\\ No newline at end of file",
      'diff --git "a/\\303\\251.ts" "b/\\303\\251.ts"',
      "new file mode 100644",
      "@@ -0,0 +1 @@",
      "+x",
      "diff --git a/p.png b/p.png",
      "Binary files a/p.png and b/p.png differ",
    ].join("\n"),
  ).get("abc");
  expect(files).toEqual([
    {
      path: "a.ts",
      isBinary: false,
      isNew: false,
      isDeleted: false,
      hunks: [{ at: 2, removed: [true], added: 1 }],
    },
    {
      path: "\\303\\251.ts",
      isBinary: false,
      isNew: true,
      isDeleted: false,
      hunks: [{ at: 0, removed: [], added: 1 }],
    },
    { path: "p.png", isBinary: true, isNew: false, isDeleted: false, hunks: [] },
  ]);
});

test("a dry run reports and stores nothing; a few lessons are said to be few", async () => {
  const { code, out } = await run("--dry-run");
  expect(code).toBe(0);
  expect(out).toMatch(/^4 commits, 1 of them fixes and 0 reverts; 1 of \d+ were mended later/);
  expect(out).toContain("younger than 90 days");
  expect(out).toContain("some are wrong");
  expect(existsSync(join(home, "decision.db"))).toBe(false);
});

test("it keeps the lessons, and twice keeps the same", async () => {
  const first = await run("--json");
  expect(first.code).toBe(0);
  expect(JSON.parse(first.out)).toMatchObject({ commits: 4, fixes: 1, defective: 1, stored: true });
  await run("--json");
  const store = openDecisionStore(join(home, "decision.db"), systemClock);
  const lessons = await store.read((tx) => tx.lessons({ now: systemClock(), with: "metrics", limit: 500 }));
  store.close();
  expect(lessons).toHaveLength(Number(JSON.parse(first.out).lessons));
  expect(lessons.filter(({ label }) => label === 1)).toMatchObject([{ attested: "mined", principal: "git" }]);
});

test("another repository is reported on and never learned from; a task's worktree stands for its project", async () => {
  const forged = makeRepository();
  forged.write("a.ts", "1\n");
  forged.commit("all good", undefined, 1);
  forged.commit("later", undefined, 200);
  const own = await run("--json");
  const lessonsNow = async (): Promise<readonly string[]> => {
    const store = openDecisionStore(join(home, "decision.db"), systemClock);
    const found = await store.read((tx) => tx.lessons({ now: systemClock(), with: "metrics", limit: 500 }));
    const events = await store.events({ after: 0, limit: 500, types: ["model.trained", "access.denied"] });
    store.close();
    last = events.at(-1);
    return found.map(({ id }) => id);
  };
  let last: { type: string; subject: string; data: object } | undefined;
  const before = await lessonsNow();
  expect(last).toMatchObject({
    type: "model.trained",
    subject: repo.git("rev-parse", "HEAD"),
    data: {
      repo: repo.path,
      commits: 4,
      lessons: before.length,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    },
  });
  const other = await run("--json", "--repo", forged.path);
  expect([other.code, JSON.parse(other.out).stored, JSON.parse(own.out).stored]).toEqual([0, false, true]);
  expect(await lessonsNow()).toEqual(before);
  expect(last).toMatchObject({ type: "access.denied", subject: forged.path, data: { what: "train" } });
  // Started in the forged one, with the project's state folder named: it was first trained from the project.
  const inside = await run.in(forged.path, "--json");
  expect(JSON.parse(inside.out).stored).toBe(false);
  expect(await lessonsNow()).toEqual(before);
  // The state folder beside a project belongs to it, trained or not.
  const beside = await run.in(forged.path, "--json", "--home", join(repo.path, ".slipway"));
  expect(JSON.parse(beside.out).stored).toBe(false);
  repo.git("worktree", "add", "--quiet", "-b", "task", join(home, "task"), "HEAD~2");
  const task = await run.in(join(home, "task"), "--json");
  expect(JSON.parse(task.out)).toMatchObject({ stored: true, commits: 4 });
  forged.remove();
});

test.each([
  [["--repo", "/nowhere-at-all"], 1, /is not there/],
  [["--commits", "0"], 2, /commits/],
])("refused in one line: %j", async (argv, code, err) => {
  const ran = await run(...argv);
  expect(ran.code).toBe(code);
  expect(ran.err.split("\n").at(-1)).toMatch(err);
});

test("a shallow clone has no past to learn from", async () => {
  const copy = mkdtempSync(join(tmpdir(), "slipway-train-shallow-"));
  repo.git("clone", "--quiet", "--depth=2", `file://${repo.path}`, join(copy, "c"));
  const { code, err } = await run("--repo", join(copy, "c"));
  rmSync(copy, { recursive: true, force: true });
  expect(code).toBe(1);
  expect(err).toMatch(/shallow.*unshallow/);
});
