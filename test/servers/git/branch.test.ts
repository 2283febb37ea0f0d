import { readFileSync } from "node:fs";
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
    "a.txt": "1\n",
    "b.txt": "1\n",
  });
});

const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
const branch = (action: string, name: string, more: Record<string, unknown> = {}) =>
  bench.must("manage_branch", { repo, action, name, ...more });
const refused = (action: string, name: string, more: Record<string, unknown> = {}) =>
  bench.refused("manage_branch", { repo, action, name, ...more });

describe("manage_branch", () => {
  it("creates from a commit, once per key, and refuses names that clash or are none", async () => {
    const head = git("rev-parse", "HEAD");
    const args = { idempotency_key: "k" };
    const answer = await branch("create", "work/a", args);
    expect(answer).toMatchObject({
      branch: "work/a",
      head,
      effects: { refs: [{ ref: "refs/heads/work/a", from: null, to: head }] },
    });
    expect(await branch("create", "work/a", args)).toEqual(answer);
    for (const name of ["work/a", "WORK/a", "work", "work/a/b"])
      expect(await refused("create", name), name).toMatchObject({ code: "conflict" });
    for (const name of ["-x", "a..b", "a b", "HEAD", "refs/heads/x", "x.lock"])
      expect(await refused("create", name), name).toMatchObject({ code: "invalid" });
    expect(await refused("create", "ok", { from: "nothing" })).toMatchObject({ code: "not_found" });
  });

  it("deletes only what is kept elsewhere, unless forced, and nothing that is checked out", async () => {
    await branch("create", "same");
    await branch("delete", "same");
    git("switch", "--quiet", "--create", "own");
    git("commit", "--quiet", "--allow-empty", "--message=own");
    const own = git("rev-parse", "HEAD");
    expect(await refused("delete", "own")).toMatchObject({ code: "conflict" });
    git("switch", "--quiet", "main");
    expect(await refused("delete", "own")).toMatchObject({ code: "invalid_state" });
    expect(await branch("delete", "own", { force: true })).toMatchObject({
      head: null,
      effects: { refs: [{ ref: "refs/heads/own", from: own, to: null }] },
    });
    expect(await refused("delete", "own")).toMatchObject({ code: "not_found" });
  });

  it("renames, also what is checked out", async () => {
    expect(await branch("rename", "trunk", { from: "main" })).toMatchObject({ branch: "trunk" });
    expect(git("branch", "--show-current")).toBe("trunk");
    expect(git("branch", "--list", "main")).toBe("");
    expect(await refused("rename", "x", { from: "main" })).toMatchObject({ code: "not_found" });
  });

  it("switches with unsaved work that is not in the way, and refuses where it is", async () => {
    git("switch", "--quiet", "--create", "work");
    bench.ground.write(repo, { "a.txt": "2\n", "new.txt": "n\n" });
    git("add", "--all");
    git("commit", "--quiet", "--message=work");
    git("switch", "--quiet", "main");
    bench.ground.write(repo, { "b.txt": "mine\n", "untracked.txt": "u\n" });
    expect(await branch("switch", "work")).toMatchObject({ branch: "work", head: git("rev-parse", "work") });
    expect(git("branch", "--show-current")).toBe("work");
    expect(git("status", "--porcelain")).toBe(" M b.txt\n?? untracked.txt");
    expect(readFileSync(join(repo, "a.txt"), "utf8")).toBe("2\n");
    bench.ground.write(repo, { "a.txt": "mine\n" });
    expect(await refused("switch", "main")).toMatchObject({ code: "invalid_state" });
    expect(git("branch", "--show-current")).toBe("work");
    git("checkout", "--quiet", "--", "a.txt");
    git("worktree", "add", "--quiet", join(bench.ground.app, `other-${number}`), "main");
    expect(await refused("switch", "main")).toMatchObject({ code: "conflict" });
  });
});
