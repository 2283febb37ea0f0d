import { existsSync, readFileSync } from "node:fs";
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
    "a.txt": "1\n2\n3\n",
    "lib.ts": "export function keep(): number {\n  return 1;\n}\n\nexport const end = true;\n",
  });
});

const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
function commit(branch: string, files: Readonly<Record<string, string>>, message: string): string {
  const ref = join(repo, ".git/refs/heads", branch);
  git("switch", "--quiet", ...(existsSync(ref) ? [] : ["--create"]), branch);
  bench.ground.write(repo, files);
  git("add", "--all");
  git("commit", "--quiet", `--message=${message}`, "--author=Bob <bob@example.org>", "--date=@86400 +0200");
  return readFileSync(ref, "utf8").trimEnd();
}
const ends = (source: string) => ({
  repo,
  source,
  target: "main",
  expected_source: git("rev-parse", source),
  expected_target: git("rev-parse", "main"),
});
const preview = (operation: string, source: string) =>
  bench.must("preview_integration", { repo, operation, source, target: "main" });
const integrate = (operation: string, source: string, more: Record<string, unknown> = {}) =>
  bench.must("integrate_changes", { operation, ...ends(source), ...more });
const refused = (operation: string, source: string, more: Record<string, unknown> = {}) =>
  bench.refused("integrate_changes", { operation, ...ends(source), ...more });
const everything = () => [git("for-each-ref"), git("status", "--porcelain"), git("rev-parse", "HEAD")];

describe("rebase", () => {
  it("applies a branch's commits on top of the target with their authors, and leaves the source", async () => {
    commit("work", { "b.txt": "b\n" }, "add b");
    const tip = commit("work", { "c.txt": "c\n" }, "add c\n\nWith a body.");
    commit("main", { "a.txt": "1\n2\nthree\n" }, "main goes on");
    const before = everything();
    const seen = await preview("rebase", "work");
    expect(seen).toMatchObject({ clean: true, conflicts: [], already_merged: false });
    expect(everything()).toEqual(before);
    const answer = await integrate("rebase", "work");
    expect(answer["commit"]).toBe(git("rev-parse", "main"));
    expect(git("rev-parse", "main^{tree}")).toBe(seen["tree"]);
    expect(git("log", "--format=%s|%an|%ad|%cn", "--date=raw", "-2", "main")).toBe(
      "add c|Bob|86400 +0200|Slipway\nadd b|Bob|86400 +0200|Slipway",
    );
    expect(git("log", "-1", "--format=%B")).toBe("add c\n\nWith a body.");
    expect(git("rev-list", "--merges", "main")).toBe("");
    expect(git("rev-parse", "work")).toBe(tip);
    expect(git("status", "--porcelain")).toBe("");
    expect(readFileSync(join(repo, "c.txt"), "utf8")).toBe("c\n");
  });

  it("keeps commits that stand on the target already", async () => {
    const tip = commit("work", { "b.txt": "b\n" }, "add b");
    git("switch", "--quiet", "main");
    expect(await integrate("rebase", "work")).toMatchObject({ commit: tip });
  });

  it("stops at the commit that does not apply, and changes nothing", async () => {
    commit("work", { "b.txt": "b\n" }, "add b");
    const bad = commit("work", { "a.txt": "1\ntheirs\n3\n" }, "change a");
    commit("main", { "a.txt": "1\nours\n3\n" }, "main goes on");
    const before = everything();
    expect(await preview("rebase", "work")).toMatchObject({
      clean: false,
      stopped_at: bad,
      conflicts: [{ path: "a.txt", level: "textual", regions: [{ start: 2, end: 6 }] }],
    });
    expect(await refused("rebase", "work")).toMatchObject({ code: "conflict" });
    expect(await refused("rebase", "work", { message: "m" })).toMatchObject({ code: "invalid" });
    expect(everything()).toEqual(before);
  });
});

describe("cherry_pick and revert", () => {
  it("brings one commit over, and takes one back", async () => {
    commit("work", { "b.txt": "b\n" }, "add b");
    const picked = commit("work", { "c.txt": "c\n" }, "add c");
    commit("main", { "d.txt": "d\n" }, "main goes on");
    await integrate("cherry_pick", picked);
    expect(git("log", "-1", "--format=%B|%an", "main")).toBe(
      `add c\n\n(cherry picked from commit ${picked})\n|Bob`,
    );
    expect(git("ls-files")).toBe("a.txt\nc.txt\nd.txt\nlib.ts");
    expect(await refused("cherry_pick", picked)).toMatchObject({ code: "invalid_state" });
    const made = git("rev-parse", "main");
    await integrate("revert", made, { message: "take c back" });
    expect(git("log", "-1", "--format=%s|%an", "main")).toBe("take c back|Slipway");
    expect(git("ls-files")).toBe("a.txt\nd.txt\nlib.ts");
    await integrate("revert", "main");
    expect(git("log", "-1", "--format=%s", "main")).toBe('Revert "take c back"');
    expect(readFileSync(join(repo, "c.txt"), "utf8")).toBe("c\n");
  });

  it("takes back a merge, and the first commit of all as far as it goes", async () => {
    commit("work", { "b.txt": "b\n" }, "add b");
    commit("main", { "d.txt": "d\n" }, "main goes on");
    await integrate("merge", "work");
    await integrate("revert", "main");
    expect(git("ls-files")).toBe("a.txt\nd.txt\nlib.ts");
    await integrate("revert", git("rev-list", "--max-parents=0", "main"));
    expect(git("ls-files")).toBe("d.txt");
  });

  it("moves the target from the expected commit only", async () => {
    const picked = commit("work", { "c.txt": "c\n" }, "add c");
    git("switch", "--quiet", "main");
    const old = ends(picked);
    commit("main", { "d.txt": "d\n" }, "main goes on");
    expect(await bench.refused("integrate_changes", { operation: "cherry_pick", ...old })).toMatchObject({
      code: "conflict",
    });
  });
});

describe("levels of conflict", () => {
  const lib = (middle: string): string =>
    `export function keep(): number {\n  return 1;\n}\n${middle}\nexport const end = true;\n`;

  it("mechanical: two additions at one place that parse together are united on request", async () => {
    commit("work", { "lib.ts": lib("\nexport function theirs(): number {\n  return 2;\n}\n") }, "theirs");
    commit("main", { "lib.ts": lib("\nexport function ours(): number {\n  return 3;\n}\n") }, "ours");
    expect(await preview("merge", "work")).toMatchObject({
      clean: false,
      conflicts: [{ path: "lib.ts", level: "mechanical" }],
    });
    expect(await refused("merge", "work")).toMatchObject({ code: "conflict" });
    await integrate("merge", "work", { resolve: "mechanical" });
    const text = readFileSync(join(repo, "lib.ts"), "utf8");
    expect(text.replaceAll("\n", "")).toBe(
      "export function keep(): number {  return 1;}export function ours(): number {  return 3;}export function theirs(): number {  return 2;}export const end = true;",
    );
    expect(git("status", "--porcelain")).toBe("");
    expect(await bench.eventTypes()).toContain("conflict.resolved");
  });

  it.each([
    [
      "the same name",
      "\nexport function same(): number {\n  return 2;\n}\n",
      "\nexport function same(): number {\n  return 3;\n}\n",
    ],
    ["half a block", "\nexport function a() {\n", "\nexport function b() {\n"],
    ["no code", "\nthis is not code\n", "\nneither is that\n"],
  ])("textual: %s is not united", async (_what, theirs, ours) => {
    commit("work", { "lib.ts": lib(theirs) }, "theirs");
    commit("main", { "lib.ts": lib(ours) }, "ours");
    expect(await preview("merge", "work")).toMatchObject({
      conflicts: [{ path: "lib.ts", level: "textual" }],
    });
    expect(await refused("merge", "work", { resolve: "mechanical" })).toMatchObject({ code: "conflict" });
  });

  it("semantic: what one side removed and the other begins to use", async () => {
    commit("work", { "user.ts": 'import { keep } from "./lib.ts";\n\nkeep();\n' }, "use it");
    commit(
      "main",
      { "lib.ts": "export function kept(): number {\n  return 1;\n}\n\nexport const end = true;\n" },
      "rename it",
    );
    expect(await preview("merge", "work")).toMatchObject({
      clean: true,
      conflicts: [
        {
          path: "user.ts",
          level: "semantic",
          symbol: "keep",
          removed_by: "target",
          regions: [
            { start: 1, end: 1 },
            { start: 3, end: 3 },
          ],
        },
      ],
    });
  });
});
