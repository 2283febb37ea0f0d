import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { openGitBench, type GitBench } from "./git-server.ts";

const Added = z.object({
  worktree: z.object({
    id: z.string(),
    path: z.string(),
    branch: z.string(),
    base: z.string(),
    behind: z.int(),
    expires_at: z.string().nullable(),
  }),
  operation_id: z.string(),
});

let bench: GitBench;
let repo: string;
let number = 0;

beforeAll(async () => {
  bench = await openGitBench();
});
afterAll(() => bench.close());
beforeEach(() => {
  number += 1;
  repo = bench.ground.repository(join(bench.ground.app, `repo-${number}`), { "a.txt": "one\n" });
});

const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
const add = async (args: Record<string, unknown>): Promise<z.output<typeof Added>["worktree"]> =>
  Added.parse(await bench.must("add_worktree", { repo, ...args })).worktree;

describe("add_worktree", () => {
  it("makes a folder outside the repository, on a branch that follows nothing", async () => {
    const worktree = await add({ branch: "task/1", ttl_s: 3600, task_id: "tsk_1" });
    expect(worktree).toMatchObject({
      branch: "task/1",
      base: git("rev-parse", "HEAD"),
      behind: 0,
      expires_at: expect.stringMatching(/Z$/),
    });
    expect(worktree.path.startsWith(`${bench.worktrees}/`)).toBe(true);
    expect(existsSync(join(worktree.path, "a.txt"))).toBe(true);
    expect(() => git("config", "branch.task/1.merge")).toThrow();
    expect(await bench.must("get_repo_status", { repo: worktree.path })).toMatchObject({
      branch: "task/1",
      modified: [],
    });
    expect(await bench.must("list_worktrees", { repo })).toMatchObject({
      worktrees: [
        { path: repo, branch: "main", main: true, expired: false },
        { id: worktree.id, path: worktree.path, task_id: "tsk_1", main: false, missing: false },
      ],
    });
    expect(await bench.store.events({ after: 0, limit: 100, subject: worktree.id })).toMatchObject([
      { type: "worktree.added", data: { task_id: "tsk_1", branch: "task/1" } },
    ]);
  });

  it("starts at the given base and counts what its upstream has more", async () => {
    const first = git("rev-parse", "HEAD");
    git("commit", "--quiet", "--allow-empty", "--message=second");
    git("switch", "--quiet", "--create", "old", first);
    git("branch", "--set-upstream-to=main");
    expect(await add({ branch: "a", base: "old" })).toMatchObject({ base: first, behind: 1 });
    expect(await add({ branch: "b", base: "main" })).toMatchObject({
      base: git("rev-parse", "main"),
      behind: 0,
    });
  });

  it("goes on with an existing branch, but not with one at another base or in use", async () => {
    git("branch", "kept");
    git("commit", "--quiet", "--allow-empty", "--message=second");
    expect(await bench.refused("add_worktree", { repo, branch: "kept", base: "main" })).toMatchObject({
      code: "conflict",
    });
    expect(await add({ branch: "kept" })).toMatchObject({ behind: 1 });
    expect(await bench.refused("add_worktree", { repo, branch: "kept" })).toMatchObject({
      code: "conflict",
      message: expect.stringContaining("checked out"),
    });
    expect(await bench.refused("add_worktree", { repo, branch: "main" })).toMatchObject({ code: "conflict" });
  });

  it("answers the same key with the same worktree", async () => {
    const args = { branch: "once", idempotency_key: `k${number}` };
    const [first, second] = await Promise.all([add(args), add(args)]);
    expect(second).toEqual(first);
    expect(await add(args)).toEqual(first);
    expect(git("worktree", "list").split("\n").length).toBe(2);
  });

  it("makes several at once", async () => {
    const all = await Promise.all(Array.from({ length: 6 }, (_, index) => add({ branch: `w-${index}` })));
    expect(new Set(all.map((worktree) => worktree.path)).size).toBe(6);
    expect(git("worktree", "list").split("\n").length).toBe(7);
  });

  it("takes only what can be a branch, and a base that is there", async () => {
    const refusals = [
      ["-b", "invalid"],
      ["a b", "invalid"],
      ["a..b", "invalid"],
      ["a\u202eb", "invalid"],
      ["refs/heads/x", "invalid"],
      ["x.lock", "invalid"],
      ["MAIN", "conflict"],
      ["main/below", "conflict"],
      ["$(touch x)", "invalid"],
    ];
    for (const [branch, code] of refusals)
      expect(await bench.refused("add_worktree", { repo, branch }), branch).toMatchObject({ code });
    for (const base of ["nothing", "--detach", "a\nb"])
      expect(await bench.refused("add_worktree", { repo, branch: "x", base }), base).toMatchObject({
        code: expect.stringMatching(/invalid|not_found/),
      });
    expect(git("worktree", "list").split("\n").length).toBe(1);
    expect(git("branch", "--list", "x")).toBe("");
    await add({ branch: "x;y" });
  });

  it("leaves nothing behind when it fails", async () => {
    const folder = dirname((await add({ branch: "first" })).path);
    const before = readdirSync(folder);
    // A file where git keeps its notes on the new worktree makes the creation fail half-way.
    rmSync(join(repo, ".git/worktrees"), { recursive: true });
    writeFileSync(join(repo, ".git/worktrees"), "");
    expect(await bench.refused("add_worktree", { repo, branch: "second" })).toMatchObject({
      code: "unavailable",
    });
    expect(git("branch", "--list", "second")).toBe("");
    expect(readdirSync(folder)).toEqual(before);
  });

  it("runs no smudge filter or hook while it checks out", async () => {
    bench.ground.write(repo, { ".gitattributes": "*.txt filter=x\n" });
    git("add", "--all");
    git("commit", "--quiet", "--message=attributes");
    git("config", "filter.x.smudge", `touch ${bench.ground.base}/ran; cat`);
    mkdirSync(join(repo, ".git/hooks"), { recursive: true });
    writeFileSync(join(repo, ".git/hooks/post-checkout"), `#!/bin/sh\ntouch ${bench.ground.base}/ran\n`, {
      mode: 0o755,
    });
    await add({ branch: "quiet" });
    expect(existsSync(join(bench.ground.base, "ran"))).toBe(false);
  });
});

describe("remove_worktree", () => {
  it("removes by id or path and keeps the branch", async () => {
    const [one, two] = [await add({ branch: "one" }), await add({ branch: "two" })];
    expect(
      await bench.must("remove_worktree", { repo, id: one.id, idempotency_key: `r${number}` }),
    ).toMatchObject({ removed: one.path, branch: "one" });
    expect(
      await bench.must("remove_worktree", { repo, id: one.id, idempotency_key: `r${number}` }),
    ).toMatchObject({ removed: one.path });
    expect(await bench.must("remove_worktree", { repo, path: two.path })).toMatchObject({ branch: "two" });
    expect(existsSync(one.path)).toBe(false);
    expect(git("branch", "--list", "one", "two").split("\n").length).toBe(2);
    expect(await bench.eventTypes()).toContain("worktree.removed");
    expect(await bench.refused("remove_worktree", { repo, id: one.id })).toMatchObject({ code: "not_found" });
  });

  it("refuses to lose work, unless forced", async () => {
    const { id, path } = await add({ branch: "dirty" });
    bench.ground.write(path, { "new.txt": "unsaved\n" });
    expect(await bench.refused("remove_worktree", { repo, id })).toMatchObject({
      code: "invalid_state",
      message: expect.stringContaining("new.txt"),
    });
    expect(existsSync(join(path, "new.txt"))).toBe(true);
    await bench.must("remove_worktree", { repo, id, force: true });
    expect(existsSync(path)).toBe(false);
  });

  it("refuses to lose commits that only a detached worktree holds", async () => {
    const { id, path } = await add({ branch: "d" });
    bench.ground.git(path, "switch", "--quiet", "--detach");
    bench.ground.git(path, "commit", "--quiet", "--allow-empty", "--message=loose");
    expect(await bench.refused("remove_worktree", { repo, id })).toMatchObject({ code: "invalid_state" });
  });

  it("clears up when the folder is gone already", async () => {
    const { id, path } = await add({ branch: "gone" });
    rmSync(path, { recursive: true });
    expect(await bench.must("list_worktrees", { repo })).toMatchObject({
      worktrees: [{}, { id, missing: true }],
    });
    await bench.must("remove_worktree", { repo, id });
    expect(git("worktree", "list").split("\n").length).toBe(1);
  });

  it("refuses the main worktree, strangers, and folders that lead elsewhere", async () => {
    expect(await bench.refused("remove_worktree", { repo, path: repo })).toMatchObject({ code: "denied" });
    expect(await bench.refused("remove_worktree", { repo, path: bench.ground.outside })).toMatchObject({
      code: "not_found",
    });
    expect(await bench.refused("remove_worktree", { repo })).toMatchObject({ code: "invalid" });
    const { id, path } = await add({ branch: "swapped" });
    rmSync(path, { recursive: true });
    symlinkSync(bench.ground.repository(join(bench.ground.outside, `other-${number}`)), path);
    expect(await bench.refused("remove_worktree", { repo, id, force: true })).toMatchObject({
      code: "denied",
    });
    expect(existsSync(join(bench.ground.outside, `other-${number}/readme.md`))).toBe(true);
  });
});
