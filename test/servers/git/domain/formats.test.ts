import { describe, expect, it } from "vitest";
import { formatCursor, parseChanges, parseCursor } from "../../../../servers/git/domain/diff.ts";
import { findRegions, parseMergeTree } from "../../../../servers/git/domain/merge.ts";
import { parseStatus } from "../../../../servers/git/domain/status.ts";
import { parseWorktrees } from "../../../../servers/git/domain/worktree.ts";

const ID = "1".repeat(40);

describe("git's output", () => {
  it("status: every kind of record, and names with spaces and line breaks", () => {
    const record = (code: string, path: string): string =>
      `1 ${code} N... 100644 100644 100644 ${ID} ${ID} ${path}`;
    const output = [
      `# branch.oid ${ID}`,
      "# branch.head a b",
      "# branch.upstream origin/main",
      "# branch.ab +2 -3",
      record("M.", "staged file"),
      record(".M", "line\nbreak"),
      record("MM", "both"),
      `2 R. N... 100644 100644 100644 ${ID} ${ID} R100 new name`,
      "1 old name that looks like a record",
      `u UU N... 100644 100644 100644 100644 ${ID} ${ID} ${ID} conflict ed`,
      "? un tracked",
      "",
    ].join("\0");
    expect(parseStatus(output)).toEqual({
      branch: "a b",
      head: ID,
      detached: false,
      unborn: false,
      ahead: 2,
      behind: 3,
      staged: ["staged file", "both", "new name"],
      modified: ["line\nbreak", "both"],
      untracked: ["un tracked"],
      conflicted: ["conflict ed"],
    });
    expect(parseStatus("# branch.oid (initial)\0# branch.head main\0")).toMatchObject({
      unborn: true,
      head: null,
    });
    expect(parseStatus(`# branch.oid ${ID}\0# branch.head (detached)\0`)).toMatchObject({
      branch: null,
      detached: true,
    });
  });

  it("changes: names with tabs, binary files, conflicts", () => {
    const raw = (status: string, path: string): string => `:100644 100644 ${ID} ${ID} ${status}\0${path}\0`;
    const output = `${raw("M", "a\tb")}${raw("D", "bin")}${raw("U", "c")}${raw("M", "c")}3\t4\ta\tb\0-\t-\tbin\0`;
    expect(parseChanges(output)).toEqual([
      { path: "a\tb", status: "modified", added: 3, removed: 4, binary: false },
      { path: "bin", status: "deleted", added: 0, removed: 0, binary: true },
      { path: "c", status: "conflicted", added: 0, removed: 0, binary: false },
    ]);
  });

  it("merge-tree: kinds by the stages that are there; no tree, no answer", () => {
    const stage = (number: number, path: string): string => `100644 ${ID} ${number}\t${path}\0`;
    const output = `${ID}\0${stage(1, "a")}${stage(2, "a")}${stage(3, "a")}${stage(2, "n\new")}${stage(3, "n\new")}${stage(1, "x")}${stage(2, "x")}${stage(1, "y")}${stage(3, "y")}\0`;
    expect(parseMergeTree(output, false)).toEqual({
      tree: ID,
      clean: false,
      conflicts: [
        { path: "a", kind: "both_modified" },
        { path: "n\new", kind: "both_added" },
        { path: "x", kind: "deleted_in_source" },
        { path: "y", kind: "deleted_in_target" },
      ],
    });
    expect(parseMergeTree("merge-tree: main - not something we can merge\n", false)).toBeUndefined();
  });

  it("worktrees: detached, locked, gone", () => {
    const output = `worktree /a b\0HEAD ${ID}\0branch refs/heads/x/y\0\0worktree /c\0HEAD ${ID}\0detached\0locked why\0\0worktree /d\0HEAD ${"0".repeat(40)}\0branch refs/heads/z\0prunable gone\0\0`;
    expect(parseWorktrees(output)).toEqual([
      { path: "/a b", head: ID, branch: "x/y", main: true, locked: false, prunable: false },
      { path: "/c", head: ID, branch: null, main: false, locked: true, prunable: false },
      { path: "/d", head: null, branch: "z", main: false, locked: false, prunable: true },
    ]);
  });
});

it("finds conflict regions, and only markers that pair up", () => {
  expect(
    findRegions("a\n<<<<<<< x\nb\n=======\nc\n>>>>>>> y\nd\n<<<<<<< x\r\n=======\r\n>>>>>>> y\r\n"),
  ).toEqual([
    { start: 2, end: 6 },
    { start: 8, end: 10 },
  ]);
  expect(findRegions(">>>>>>> y\n<<<<<<< x\nno end\n")).toEqual([]);
  expect(findRegions("<<<<<<<< eight\n>>>>>>>> eight\n")).toEqual([]);
});

it("takes back its own cursors and no others", () => {
  const cursor = { part: "patch", at: 42, stamp: "abc-def" } as const;
  expect(parseCursor(formatCursor(cursor))).toEqual(cursor);
  for (const text of ["", "patch", "patch.-1.x", "files.1e3.x", "patch.1.A", `patch.1.${"a".repeat(300)}`]) {
    expect(parseCursor(text)).toBeUndefined();
  }
});
