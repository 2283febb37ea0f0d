import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callAndDie } from "./deadly-call.ts";
import { openGitBench, type GitBench } from "./git-server.ts";

let bench: GitBench;
let number = 0;

beforeAll(async () => {
  bench = await openGitBench();
});
afterAll(() => bench.close());

const die = (tool: string, args: Record<string, unknown>, pattern: string): boolean =>
  callAndDie(bench, tool, args, { pattern, nth: 1, when: "after" });

function repository(): string {
  number += 1;
  return bench.ground.repository(join(bench.ground.app, `repo-${number}`), {
    "a.txt": "one\n",
    "b.txt": "one\n",
  });
}

describe("a call whose process is killed, made again under its key", () => {
  // Each kill comes right after git has done the thing. `npm run soak -- git --only kills` kills everywhere.
  it.each([
    ["the branch has moved", "update-ref*"],
    ["the files have moved", "read-tree*-m*-u*--end*"],
  ])("merges once: killed after %s", async (_point, pattern) => {
    const repo = repository();
    const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
    git("switch", "--quiet", "--create", "work");
    bench.ground.write(repo, { "b.txt": "two\n", "c.txt": "new\n" });
    git("add", "--all");
    git("commit", "--quiet", "--message=work");
    git("switch", "--quiet", "main");
    const args = {
      repo,
      operation: "merge",
      source: "work",
      target: "main",
      expected_source: git("rev-parse", "work"),
      expected_target: git("rev-parse", "main"),
      idempotency_key: `kill-${number}`,
    };
    expect(die("integrate_changes", args, pattern)).toBe(true);
    const answer = await bench.must("integrate_changes", args);
    expect(answer).toMatchObject({
      commit: git("rev-parse", "main"),
      already_merged: false,
      updated_worktree: repo,
      warnings: [],
    });
    expect(git("rev-list", "--count", "--merges", "main")).toBe("1");
    expect(git("log", "-1", "--format=%P", "main")).toBe(`${args.expected_target} ${args.expected_source}`);
    expect(git("status", "--porcelain")).toBe("");
    expect(readFileSync(join(repo, "c.txt"), "utf8")).toBe("new\n");
    expect(await bench.must("integrate_changes", args)).toEqual(answer);
    expectHealthy(repo);
  });

  it.each([
    ["the commit is written", "commit-tree*"],
    ["the index is refreshed", "reset*"],
  ])("commits once: killed after %s", async (_point, pattern) => {
    const repo = repository();
    bench.ground.write(repo, { "a.txt": "two\n", "new.txt": "n\n" });
    const args = { repo, paths: ["a.txt", "new.txt"], message: "m", idempotency_key: `kill-${number}` };
    expect(die("commit_changes", args, pattern)).toBe(true);
    const answer = await bench.must("commit_changes", args);
    expect(answer).toMatchObject({
      commit: bench.ground.git(repo, "rev-parse", "HEAD"),
      effects: { files: ["a.txt", "new.txt"] },
    });
    expect(bench.ground.git(repo, "rev-list", "--count", "HEAD")).toBe("2");
    expect(bench.ground.git(repo, "status", "--porcelain")).toBe("");
    expect(await bench.must("commit_changes", args)).toEqual(answer);
    expectHealthy(repo);
  });

  it("commits once, also when somebody has committed on top meanwhile", async () => {
    const repo = repository();
    bench.ground.write(repo, { "a.txt": "two\n" });
    const args = { repo, paths: ["a.txt"], message: "m", idempotency_key: `kill-${number}` };
    expect(die("commit_changes", args, "update-ref*")).toBe(true);
    const made = bench.ground.git(repo, "rev-parse", "HEAD");
    bench.ground.git(repo, "commit", "--quiet", "--allow-empty", "--message=on top");
    expect(await bench.must("commit_changes", args)).toMatchObject({ commit: made });
    expect(bench.ground.git(repo, "rev-list", "--count", "HEAD")).toBe("3");
  });

  it("adds one worktree", async () => {
    const repo = repository();
    const args = { repo, branch: "task", idempotency_key: `kill-${number}` };
    expect(die("add_worktree", args, "worktree?add*")).toBe(true);
    const answer = await bench.must("add_worktree", args);
    expect(bench.ground.git(repo, "worktree", "list").split("\n").length).toBe(2);
    expect(await bench.must("add_worktree", args)).toEqual(answer);
    const [folder] = readdirSync(bench.worktrees).filter((name) => JSON.stringify(answer).includes(name));
    expect(readdirSync(join(bench.worktrees, folder ?? "none")).length).toBe(1);
    expectHealthy(repo);
  });

  it("makes one repository", async () => {
    const source = repository();
    const args = {
      path: join(bench.ground.app, `clone-${number}`),
      clone_url: source,
      idempotency_key: `kill-${number}`,
    };
    expect(die("create_repository", args, "clone*")).toBe(true);
    expect(existsSync(args.path)).toBe(false);
    const answer = await bench.must("create_repository", args);
    expect(await bench.must("create_repository", args)).toEqual(answer);
    expect(readdirSync(bench.ground.app).filter((name) => name.includes(`clone-${number}`))).toEqual([
      `clone-${number}`,
    ]);
  });
});

function expectHealthy(repo: string): void {
  bench.ground.git(repo, "fsck", "--strict");
  const litter = readdirSync(join(repo, ".git"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".lock"),
  );
  expect(litter).toEqual([]);
}
