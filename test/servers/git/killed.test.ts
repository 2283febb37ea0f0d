import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openGitBench, type GitBench } from "./git-server.ts";

let bench: GitBench;
let number = 0;

beforeAll(async () => {
  bench = await openGitBench();
});
afterAll(() => bench.close());

/** A git that kills the server calling it, -9, right after its n-th call of this kind. */
function deadlyGit(pattern: string, nth: number): string {
  const folder = join(bench.ground.base, `deadly-${number}`);
  const real = bench.ground.git(bench.ground.app, "--exec-path").replace(/\/libexec.*|\/lib\/.*/, "/bin/git");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "git"),
    `#!/bin/sh
PATH=/usr/local/bin:/usr/bin:/bin
${real} "$@"
code=$?
case "$*" in ${pattern})
  echo >> ${folder}/count
  [ "$(wc -l < ${folder}/count)" -ne ${nth} ] || kill -9 $PPID;;
esac
exit $code
`,
    { mode: 0o755 },
  );
  return folder;
}

/** Makes a call in a process of its own that is killed on the way; false when it got through alive. */
function callAndDie(tool: string, args: Record<string, unknown>, pattern: string, nth: number): boolean {
  const { base, app } = bench.ground;
  const path = `${deadlyGit(pattern, nth)}:${process.env["PATH"] ?? ""}`;
  const state = JSON.stringify({ base, app, worktrees: bench.worktrees });
  const script = fileURLToPath(new URL("./killed-call.ts", import.meta.url));
  const result = spawnSync(process.execPath, [script, state, tool, JSON.stringify(args), path], {
    encoding: "utf8",
    timeout: 20_000,
  });
  if (result.signal === null) expect(result.stderr).toBe("");
  return result.signal === "SIGKILL";
}

function repository(): string {
  number += 1;
  return bench.ground.repository(join(bench.ground.app, `repo-${number}`), {
    "a.txt": "one\n",
    "b.txt": "one\n",
  });
}

describe("a call whose process is killed, made again under its key", () => {
  // In order of the work: each kill comes right after git has done the thing.
  it.each([
    ["the merge is tried", "merge-tree*"],
    ["the commit is written", "commit-tree*"],
    ["the way is checked", "*--dry-run*"],
    ["the branch has moved", "update-ref*"],
    ["the index is refreshed", "update-index*"],
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
    expect(callAndDie("integrate_changes", args, pattern, 1)).toBe(true);
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
    ["the files are staged", "add*"],
    ["the commit is written", "commit-tree*"],
    ["the branch has moved", "update-ref*"],
    ["the index is refreshed", "reset*"],
  ])("commits once: killed after %s", async (_point, pattern) => {
    const repo = repository();
    bench.ground.write(repo, { "a.txt": "two\n", "new.txt": "n\n" });
    const args = { repo, paths: ["a.txt", "new.txt"], message: "m", idempotency_key: `kill-${number}` };
    expect(callAndDie("commit_changes", args, pattern, 1)).toBe(true);
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
    expect(callAndDie("commit_changes", args, "update-ref*", 1)).toBe(true);
    const made = bench.ground.git(repo, "rev-parse", "HEAD");
    bench.ground.git(repo, "commit", "--quiet", "--allow-empty", "--message=on top");
    expect(await bench.must("commit_changes", args)).toMatchObject({ commit: made });
    expect(bench.ground.git(repo, "rev-list", "--count", "HEAD")).toBe("3");
  });

  it.each([
    ["before git has begun", "*--contains*|for-each-ref*"],
    ["after git has made it", "worktree?add*"],
  ])("adds one worktree: killed %s", async (_point, pattern) => {
    const repo = repository();
    const args = { repo, branch: "task", idempotency_key: `kill-${number}` };
    expect(callAndDie("add_worktree", args, pattern, 1)).toBe(true);
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
    expect(callAndDie("create_repository", args, "clone*", 1)).toBe(true);
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
