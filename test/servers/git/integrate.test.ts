import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openGitBench, type GitBench } from "./git-server.ts";

const FILES = { "a.txt": "1\n2\n3\n4\n5\n", "b.txt": "one\n", bin: "\u0000a" };

let bench: GitBench;
let repo: string;
let number = 0;

beforeAll(async () => {
  bench = await openGitBench();
});
afterAll(() => bench.close());
beforeEach(() => {
  number += 1;
  repo = bench.ground.repository(join(bench.ground.app, `repo-${number}`), FILES);
});

const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
const write = (files: Readonly<Record<string, string>>): void => bench.ground.write(repo, files);
/** Begins anew, with `theirs` committed on branch work and `ours` on main, which is checked out. */
function diverge(
  theirs: Readonly<Record<string, string>>,
  ours: Readonly<Record<string, string>> = {},
): void {
  rmSync(repo, { recursive: true });
  bench.ground.repository(repo, FILES, {
    name: JSON.stringify([theirs, ours]),
    make(folder) {
      const commit = (files: Readonly<Record<string, string>>, message: string): void => {
        bench.ground.write(folder, files);
        bench.ground.git(folder, "add", "--all");
        bench.ground.git(folder, "commit", "--quiet", `--message=${message}`);
      };
      bench.ground.git(folder, "switch", "--quiet", "--create", "work");
      commit(theirs, "work");
      bench.ground.git(folder, "switch", "--quiet", "main");
      if (Object.keys(ours).length > 0) commit(ours, "main");
    },
  });
}
const ids = () => ({ expected_source: git("rev-parse", "work"), expected_target: git("rev-parse", "main") });
const args = (more: Record<string, unknown> = {}) => ({
  repo,
  operation: "merge",
  source: "work",
  target: "main",
  ...ids(),
  ...more,
});
/** Everything a refused merge must leave alone. */
const snapshot = () => ({
  refs: git("for-each-ref", "--format=%(refname) %(objectname)"),
  status: git("status", "--porcelain=v1"),
  a: existsSync(join(repo, "a.txt")) ? readFileSync(join(repo, "a.txt"), "utf8") : null,
  merging: existsSync(join(repo, ".git/MERGE_HEAD")),
});

describe("preview_integration", () => {
  it("says that a merge is clean, with the ids to integrate", async () => {
    diverge({ "b.txt": "two\n" }, { "a.txt": "0\n2\n3\n4\n5\n" });
    const before = snapshot();
    expect(await bench.must("preview_integration", { repo, source: "work", target: "main" })).toMatchObject({
      clean: true,
      already_merged: false,
      source_commit: git("rev-parse", "work"),
      target_commit: git("rev-parse", "main"),
      tree: expect.stringMatching(/^[0-9a-f]{40}$/),
      conflicts: [],
    });
    expect(snapshot()).toEqual(before);
  });

  it("names conflicts with their regions and kinds, and touches nothing", async () => {
    diverge(
      { "a.txt": "1\n2\ntheirs\n4\n5\n", "b.txt": "two\n", bin: "\u0000b", "new.txt": "x\n" },
      { "a.txt": "1\n2\nours\n4\n5\n", bin: "\u0000c", "new.txt": "y\n" },
    );
    git("rm", "--quiet", "b.txt");
    git("commit", "--quiet", "--message=removed");
    const before = snapshot();
    expect(
      await bench.must("preview_integration", { repo, operation: "merge", source: "work", target: "main" }),
    ).toMatchObject({
      clean: false,
      conflicts: [
        { path: "a.txt", level: "textual", kind: "both_modified", regions: [{ start: 3, end: 7 }] },
        { path: "b.txt", kind: "deleted_in_target", regions: [] },
        { path: "bin", kind: "both_modified", regions: [] },
        { path: "new.txt", kind: "both_added", regions: [{ start: 1, end: 5 }] },
      ],
      truncated: false,
    });
    expect(snapshot()).toEqual(before);
  });

  it("runs no merge driver", async () => {
    diverge(
      { "a.txt": "1\n2\ntheirs\n4\n5\n" },
      { "a.txt": "1\n2\nours\n4\n5\n", ".gitattributes": "*.txt merge=x\n" },
    );
    git("config", "merge.x.driver", `touch ${bench.ground.base}/ran; true`);
    expect(await bench.must("preview_integration", { repo, source: "work", target: "main" })).toMatchObject({
      clean: false,
      conflicts: [{ path: "a.txt" }],
    });
    expect(existsSync(join(bench.ground.base, "ran"))).toBe(false);
  });

  it("refuses commits that are not there, and histories that never met", async () => {
    diverge({ "b.txt": "two\n" });
    for (const source of ["nothing", "--write-tree", "1".repeat(40)]) {
      expect(await bench.refused("preview_integration", { repo, source, target: "main" })).toMatchObject({
        code: expect.stringMatching(/invalid|not_found/),
      });
    }
    git("switch", "--quiet", "--orphan", "island");
    git("commit", "--quiet", "--allow-empty", "--message=island");
    expect(
      await bench.refused("preview_integration", { repo, source: "island", target: "main" }),
    ).toMatchObject({ code: "invalid_state" });
  });
});

describe("integrate_changes", () => {
  it("makes a merge commit and updates the worktree that shows the branch", async () => {
    diverge({ "b.txt": "two\n", "new/x.txt": "x\n" }, { "a.txt": "0\n2\n3\n4\n5\n" });
    const { expected_source, expected_target } = ids();
    const answer = await bench.must("integrate_changes", args({ message: "land work" }));
    expect(answer).toMatchObject({
      commit: git("rev-parse", "main"),
      already_merged: false,
      updated_worktree: repo,
      warnings: [],
      effects: {
        refs: [{ ref: "refs/heads/main", from: expected_target }],
        files: ["b.txt", "new/x.txt"],
        hosts: [],
      },
    });
    expect(git("log", "-1", "--format=%P %s", "main")).toBe(
      `${expected_target} ${expected_source} land work`,
    );
    expect(readFileSync(join(repo, "b.txt"), "utf8")).toBe("two\n");
    expect(git("status", "--porcelain")).toBe("");
    expect(existsSync(join(repo, ".git/MERGE_HEAD"))).toBe(false);
    expect(await bench.eventTypes()).toContain("integration.done");
    git("fsck", "--strict");
  });

  it("moves a branch that nobody has checked out, and leaves the worktree alone", async () => {
    diverge({ "b.txt": "two\n" });
    const call = args();
    git("switch", "--quiet", "--create", "elsewhere");
    write({ "b.txt": "unsaved\n" });
    expect(await bench.must("integrate_changes", call)).toMatchObject({ updated_worktree: null });
    expect(git("show", "main:b.txt")).toBe("two");
    expect(readFileSync(join(repo, "b.txt"), "utf8")).toBe("unsaved\n");
  });

  it("keeps unsaved work in files that the merge does not touch", async () => {
    diverge({ "b.txt": "two\n" });
    write({ "a.txt": "unsaved\n", "untracked.txt": "mine\n" });
    await bench.must("integrate_changes", args());
    expect(readFileSync(join(repo, "a.txt"), "utf8")).toBe("unsaved\n");
    expect(git("status", "--porcelain")).toBe(" M a.txt\n?? untracked.txt");
  });

  it.each<[string, () => void, string]>([
    ["a modified file", () => write({ "b.txt": "unsaved\n" }), "b.txt"],
    ["a staged file", () => (write({ "b.txt": "unsaved\n" }), git("add", "b.txt")), "b.txt"],
    ["an untracked file", () => write({ "new.txt": "mine\n" }), "new.txt"],
    ["an ignored file", () => write({ "new.txt": "mine\n", ".git/info/exclude": "new.txt\n" }), "new.txt"],
    ["a file in place of a folder", () => write({ folder: "mine\n" }), "folder"],
    ["a deleted file", () => git("rm", "--quiet", "b.txt"), "b.txt"],
  ])("refuses to overwrite %s, names it, and changes nothing", async (_name, disturb, file) => {
    diverge({ "b.txt": "two\n", "new.txt": "theirs\n", "folder/x.txt": "x\n" });
    disturb();
    const before = snapshot();
    expect(await bench.refused("integrate_changes", args())).toMatchObject({
      code: "invalid_state",
      message: expect.stringContaining(file),
      hint: expect.stringContaining("commit"),
    });
    expect(snapshot()).toEqual(before);
    expect(await bench.eventTypes()).toContain("integration.refused");
  });

  it("refuses while somebody merges by hand", async () => {
    diverge({ "b.txt": "two\n" });
    write({ ".git/MERGE_HEAD": `${git("rev-parse", "work")}\n` });
    expect(await bench.refused("integrate_changes", args())).toMatchObject({
      code: "invalid_state",
      message: expect.stringContaining("merge is in progress"),
    });
  });

  it("refuses a conflict and leaves everything as it was", async () => {
    diverge({ "a.txt": "1\n2\ntheirs\n4\n5\n" }, { "a.txt": "1\n2\nours\n4\n5\n" });
    const before = snapshot();
    expect(await bench.refused("integrate_changes", args())).toMatchObject({
      code: "conflict",
      message: expect.stringContaining("a.txt"),
    });
    expect(snapshot()).toEqual(before);
    expect((await bench.eventTypes()).slice(-2)).toEqual(["conflict.found", "integration.refused"]);
  });

  it("refuses when source or target have moved", async () => {
    diverge({ "b.txt": "two\n" });
    const call = args();
    git("commit", "--quiet", "--allow-empty", "--message=moved");
    const before = snapshot();
    expect(await bench.refused("integrate_changes", call)).toMatchObject({
      code: "conflict",
      message: expect.stringContaining("target"),
    });
    git("branch", "--force", "work", "main");
    expect(
      await bench.refused("integrate_changes", { ...call, expected_target: git("rev-parse", "main") }),
    ).toMatchObject({ code: "conflict", message: expect.stringContaining("source") });
    git("update-ref", "refs/heads/work", call.expected_source);
    expect(snapshot()).toEqual(before);
  });

  it("answers a merge that has already happened with its commit", async () => {
    diverge({ "b.txt": "two\n" });
    const call = args();
    const { commit } = await bench.must("integrate_changes", call);
    git("commit", "--quiet", "--allow-empty", "--message=later");
    const before = snapshot();
    expect(await bench.must("integrate_changes", call)).toMatchObject({
      commit,
      already_merged: true,
      effects: { refs: [], files: [] },
    });
    expect(snapshot()).toEqual(before);
  });

  it("gives the same answer to the same key, also twice at once", async () => {
    diverge({ "b.txt": "two\n" });
    const call = args({ idempotency_key: `m${number}` });
    const [first, second] = await Promise.all([
      bench.must("integrate_changes", call),
      bench.must("integrate_changes", call),
    ]);
    expect(second).toEqual(first);
    expect(await bench.must("integrate_changes", call)).toEqual(first);
    expect(git("rev-list", "--count", "--merges", "main")).toBe("1");
  });

  it("lets one of several merges into one branch through, and the others try again", async () => {
    diverge({ "b.txt": "two\n" });
    git("branch", "work2", "main");
    git("worktree", "add", "--quiet", join(bench.ground.app, `w2-${number}`), "work2");
    bench.ground.write(join(bench.ground.app, `w2-${number}`), { "a.txt": "9\n2\n3\n4\n5\n" });
    bench.ground.git(join(bench.ground.app, `w2-${number}`), "commit", "--quiet", "--all", "--message=w2");
    const second = args({ source: "work2", expected_source: git("rev-parse", "work2") });
    const results = await Promise.allSettled([
      bench.must("integrate_changes", args()),
      bench.must("integrate_changes", second),
    ]);
    expect(results.map((result) => result.status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(git("status", "--porcelain")).toBe("");
  });

  it("refuses a target that is no branch", async () => {
    diverge({ "b.txt": "two\n" });
    for (const target of ["nothing", "work~0", "refs/heads/main", "--all", "HEAD", "a b"])
      expect(await bench.refused("integrate_changes", args({ target })), target).toMatchObject({
        code: expect.stringMatching(/not_found|invalid/),
      });
  });

  it("merges names that are no UTF-8, and binary files", async () => {
    git("switch", "--quiet", "--create", "work");
    writeFileSync(Buffer.concat([Buffer.from(`${repo}/n-`), Buffer.from([0xe9])]), "x");
    writeFileSync(join(repo, "bin"), Buffer.from([0, 1, 255]));
    git("add", "--all");
    git("commit", "--quiet", "--message=bytes");
    git("switch", "--quiet", "main");
    expect(await bench.must("integrate_changes", args())).toMatchObject({
      effects: { files: ["bin", '"n-\\351"'] },
    });
    expect(git("status", "--porcelain")).toBe("");
  });
});
