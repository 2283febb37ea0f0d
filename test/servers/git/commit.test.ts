import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openGitBench, type GitBench } from "./git-server.ts";

let bench: GitBench;
let repo: string;
let number = 0;

beforeAll(async () => {
  bench = await openGitBench();
});
afterAll(() => bench.close());
beforeEach(() => {
  number += 1;
  repo = bench.ground.repository(join(bench.ground.app, `repo-${number}`), {
    "a.txt": "one\n",
    "b.txt": "one\n",
    "dir/c.txt": "one\n",
  });
});

const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
const write = (files: Readonly<Record<string, string>>): void => bench.ground.write(repo, files);
const commit = (
  paths: readonly string[],
  more: Record<string, unknown> = {},
): Promise<Record<string, unknown>> =>
  bench.must("commit_changes", { repo, paths, message: "change", ...more });
const lastFiles = (): string[] => git("show", "--name-status", "--format=", "HEAD").split("\n").sort();

describe("commit_changes", () => {
  it("commits exactly the named paths: edits, new files, deletions, folders", async () => {
    write({ "a.txt": "two\n", "b.txt": "two\n", "new/x.txt": "x\n", "stray.txt": "s\n" });
    rmSync(join(repo, "dir"), { recursive: true });
    const head = git("rev-parse", "HEAD");
    const answer = await commit(["a.txt", "new", "dir/c.txt"]);
    expect(lastFiles()).toEqual(["A\tnew/x.txt", "D\tdir/c.txt", "M\ta.txt"]);
    expect(answer).toMatchObject({
      commit: git("rev-parse", "HEAD"),
      branch: "main",
      warnings: [],
      operation_id: expect.stringMatching(/^op_/),
      effects: {
        refs: [{ ref: "refs/heads/main", from: head, to: git("rev-parse", "HEAD") }],
        files: ["a.txt", "dir/c.txt", "new/x.txt"],
        hosts: [],
      },
    });
    expect(git("status", "--porcelain")).toBe(" M b.txt\n?? stray.txt");
    expect(git("log", "-1", "--format=%an <%ae>")).toBe("Slipway <slipway@localhost>");
  });

  it("leaves out what others have staged, and leaves it staged", async () => {
    write({ "a.txt": "mine\n", "b.txt": "theirs\n", "theirs.txt": "t\n" });
    git("add", "b.txt", "theirs.txt");
    await commit(["a.txt"]);
    expect(lastFiles()).toEqual(["M\ta.txt"]);
    expect(git("status", "--porcelain").split("\n")).toEqual(["M  b.txt", "A  theirs.txt"]);
  });

  it("commits a path that somebody staged differently as it is in the worktree", async () => {
    write({ "a.txt": "staged\n" });
    git("add", "a.txt");
    write({ "a.txt": "final\n" });
    await commit(["a.txt"]);
    expect(git("show", "HEAD:a.txt")).toBe("final");
    expect(git("status", "--porcelain")).toBe("");
  });

  it("makes the first commit of an empty repository", async () => {
    await bench.must("create_repository", { path: join(bench.ground.app, `fresh-${number}`) });
    repo = join(bench.ground.app, `fresh-${number}`);
    write({ "a.txt": "one\n" });
    await commit(["a.txt"]);
    expect(git("log", "--format=%s")).toBe("change");
    expect(await bench.must("get_repo_status", { repo })).toMatchObject({
      branch: "main",
      unborn: false,
      modified: [],
      staged: [],
    });
  });

  it("adds trailers as the last paragraph", async () => {
    write({ "a.txt": "two\n" });
    await commit(["a.txt"], { message: "title\n\nbody", trailers: { "Task-Id": "tsk_1", Agent: "coder" } });
    expect(git("log", "-1", "--format=%B")).toBe("title\n\nbody\n\nTask-Id: tsk_1\nAgent: coder");
    expect(git("log", "-1", "--format=%(trailers:key=Task-Id,valueonly)").trim()).toBe("tsk_1");
  });

  it("compares the parent before it commits", async () => {
    write({ "a.txt": "two\n" });
    const parent = git("rev-parse", "HEAD");
    git("commit", "--quiet", "--allow-empty", "--message=other");
    const head = git("rev-parse", "HEAD");
    expect(
      await bench.refused("commit_changes", {
        repo,
        paths: ["a.txt"],
        message: "m",
        expected_parent: parent,
      }),
    ).toMatchObject({ code: "conflict" });
    expect(git("rev-parse", "HEAD")).toBe(head);
    await commit(["a.txt"], { expected_parent: head });
  });

  it("gives the same answer to the same key, and refuses other arguments under it", async () => {
    write({ "a.txt": "two\n", "b.txt": "two\n" });
    const first = await commit(["a.txt"], { idempotency_key: `key-${number}` });
    expect(await commit(["a.txt"], { idempotency_key: `key-${number}` })).toEqual(first);
    expect(git("rev-list", "--count", "HEAD")).toBe("2");
    expect(
      await bench.refused("commit_changes", {
        repo,
        paths: ["b.txt"],
        message: "change",
        idempotency_key: `key-${number}`,
      }),
    ).toMatchObject({ code: "conflict" });
  });

  it("makes one commit of two simultaneous calls under one key", async () => {
    write({ "a.txt": "two\n" });
    const same = { idempotency_key: `twice-${number}` };
    const [first, second] = await Promise.all([commit(["a.txt"], same), commit(["a.txt"], same)]);
    expect(second).toEqual(first);
    expect(git("rev-list", "--count", "HEAD")).toBe("2");
  });

  it("runs no hook of the repository", async () => {
    for (const hook of [
      "pre-commit",
      "commit-msg",
      "post-commit",
      "reference-transaction",
      "post-index-change",
    ]) {
      mkdirSync(join(repo, ".git/hooks"), { recursive: true });
      writeFileSync(join(repo, ".git/hooks", hook), `#!/bin/sh\ntouch ${bench.ground.base}/hook\n`, {
        mode: 0o755,
      });
    }
    write({ "a.txt": "two\n" });
    await commit(["a.txt"]);
    expect(existsSync(join(bench.ground.base, "hook"))).toBe(false);
  });

  it("commits a link as a link and warns when it leads out", async () => {
    symlinkSync("/etc/hostname", join(repo, "link"));
    const { warnings } = await commit(["link"]);
    expect(warnings).toEqual([expect.stringContaining("link_outside: link")]);
    expect(git("show", "HEAD:link")).toBe("/etc/hostname");
  });

  it("refuses paths outside, of git itself, behind links, ignored, missing, and patterns", async () => {
    symlinkSync("dir", join(repo, "linked"));
    write({ "dir/x.txt": "x", ".gitignore": "*.log\n", "ignored.log": "x" });
    writeFileSync(join(bench.ground.app, "outside.txt"), "x");
    const head = git("rev-parse", "HEAD");
    const refusals = [
      ["../outside.txt", "denied"],
      ["dir/../../outside.txt", "denied"],
      ["/etc/hostname", "denied"],
      [".git/hooks/pre-commit", "denied"],
      [".GIT/config", "denied"],
      [".git ", "denied"],
      ["dir/.git/x", "denied"],
      ["git~1/config", "denied"],
      ["a\u202etxt", "denied"],
      ["", "invalid"],
      ["missing.txt", "invalid"],
      [":(exclude)a.txt", "invalid"],
      ["*.txt", "invalid"],
      ["--all", "invalid"],
      ["linked/x.txt", "denied"],
      ["ignored.log", "invalid"],
    ];
    for (const [path, code] of refusals)
      expect(
        await bench.refused("commit_changes", { repo, paths: [path], message: "m" }),
        path,
      ).toMatchObject({
        code,
      });
    expect(git("rev-parse", "HEAD")).toBe(head);
  });

  it("refuses what is no commit", async () => {
    const refusals: readonly (readonly [string, Record<string, unknown>, string])[] = [
      ["an unchanged file", { paths: ["a.txt"] }, "invalid_state"],
      ["an empty message", { message: " \n" }, "invalid"],
      ["an escape in the message", { message: "a\u001b[31m" }, "invalid"],
      ["a trailer with a line break", { trailers: { Task: "a\nSigned-off-by: me" } }, "invalid"],
      ["a trailer name with a space", { trailers: { "Signed off": "x" } }, "invalid"],
      ["a wish for a signature", { sign: true }, "unavailable"],
      ["an unknown parent", { expected_parent: "--output=x" }, "invalid"],
    ];
    for (const [what, args, code] of refusals)
      expect(
        await bench.refused("commit_changes", { repo, paths: ["b.txt"], message: "m", ...args }),
        what,
      ).toMatchObject({ code });
  });

  it("refuses while a merge is open", async () => {
    write({ ".git/MERGE_HEAD": `${git("rev-parse", "HEAD")}\n`, "a.txt": "two\n" });
    expect(await bench.refused("commit_changes", { repo, paths: ["a.txt"], message: "m" })).toMatchObject({
      code: "invalid_state",
    });
  });

  it("lands although the index is locked, and says that status is stale", async () => {
    write({ "a.txt": "two\n", ".git/index.lock": "" });
    const { warnings } = await commit(["a.txt"]);
    expect(warnings).toEqual([expect.stringContaining("stale_lock")]);
    expect(lastFiles()).toEqual(["M\ta.txt"]);
    expect(existsSync(join(repo, ".git/index.lock"))).toBe(true);
    rmSync(join(repo, ".git/index.lock"));
  });

  it("lands simultaneous commits in one worktree, each with its own file", async () => {
    const names = Array.from({ length: 8 }, (_, index) => `file-${index}.txt`);
    write(Object.fromEntries(names.map((name) => [name, name])));
    await Promise.all(names.map((name) => commit([name], { message: name })));
    const log = git("log", "--name-only", "--format=%s", "-8")
      .split("\n")
      .filter((line) => line !== "");
    expect(log.length).toBe(16);
    for (let at = 0; at < 16; at += 2) expect(log[at]).toBe(log[at + 1]);
    expect(new Set(log)).toEqual(new Set(names));
    expect(git("status", "--porcelain")).toBe("");
    git("fsck", "--strict");
  });

  it("tells of each commit in the event log", async () => {
    write({ "a.txt": "two\n" });
    const { commit: id } = await commit(["a.txt"]);
    const events = await bench.store.events({ after: 0, limit: 1000, subject: String(id) });
    expect(events).toMatchObject([
      { type: "commit.created", principal: "local", data: { branch: "main", files: 1 } },
    ]);
  });

  it("keeps the blobs as they are", async () => {
    const bytes = Buffer.from([0, 255, 13, 10, 128, 10]);
    writeFileSync(join(repo, "bin"), bytes);
    await commit(["bin"]);
    rmSync(join(repo, "bin"));
    git("checkout", "--", "bin");
    expect(readFileSync(join(repo, "bin")).equals(bytes)).toBe(true);
  });
});
