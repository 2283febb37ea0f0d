import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseBlame, parseHistoryCursor, parseLog } from "../../../servers/git/domain/history.ts";
import { openGitBench, type GitBench } from "./git-server.ts";

let bench: GitBench;
let repo: string;

beforeAll(async () => {
  bench = await openGitBench();
  repo = bench.ground.repository(join(bench.ground.app, "repo"), { "a.txt": "one\ntwo\nthree\n" });
  for (const number of [1, 2, 3, 4]) {
    bench.ground.write(repo, { "a.txt": `one\ntwo\nthree\n${"more\n".repeat(number)}` });
    bench.ground.git(repo, "commit", "--quiet", "--all", `--message=Change ${number}\n\nBody \u001b[31mred`);
  }
});
afterAll(() => bench.close());

const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
const history = (args: Record<string, unknown>) => bench.must("get_repo_history", { repo, ...args });
const refused = (args: Record<string, unknown>) => bench.refused("get_repo_history", { repo, ...args });
const ids = (answer: Record<string, unknown>): readonly unknown[] =>
  Array.isArray(answer["commits"]) ? answer["commits"].map((commit: unknown) => Object(commit)["id"]) : [];

describe("get_repo_history", () => {
  it("lists commits newest first, in pages that a new commit does not shift", async () => {
    const all = git("log", "--format=%H").split("\n");
    const first = await history({ limit: 2 });
    expect(ids(first)).toEqual(all.slice(0, 2));
    expect(first).toMatchObject({ truncated: true, shallow: false });
    git("commit", "--quiet", "--allow-empty", "--message=later");
    const second = await history({ limit: 50, cursor: first["next_cursor"] });
    expect([...ids(first), ...ids(second)]).toEqual(all);
    expect(second["next_cursor"]).toBeUndefined();
    git("reset", "--quiet", "--soft", "HEAD^");
  });

  it("finds commits by words of the message, by text they add, and by path", async () => {
    expect(ids(await history({ query: "CHANGE 3" }))).toEqual([git("rev-parse", "HEAD^")]);
    expect(ids(await history({ mode: "search", query: "two" }))).toEqual([git("rev-parse", "HEAD~4")]);
    expect(ids(await history({ paths: ["nothing.txt"] }))).toEqual([]);
    expect(await refused({ mode: "search" })).toMatchObject({ code: "invalid" });
    expect(await refused({ paths: ["../outside"] })).toMatchObject({ code: "denied" });
  });

  it("shows one commit with its message, files and patch, the first one too", async () => {
    expect(await history({ mode: "show" })).toMatchObject({
      commits: [{ subject: "Change 4", message: "Change 4\n\nBody red", author: "Ann" }],
      files: [{ path: "a.txt", added: 1, removed: 0 }],
      patch: expect.stringContaining("+more"),
      truncated: false,
    });
    expect(await history({ mode: "show", ref: "HEAD~4" })).toMatchObject({
      files: [{ path: "a.txt", status: "added", added: 3 }],
    });
  });

  it("says who wrote each line, in pages", async () => {
    const first = await history({ mode: "blame", paths: ["a.txt"], limit: 3 });
    expect(first).toMatchObject({
      lines: [
        { line: 1, text: "one", author: "Ann", commit: git("rev-parse", "HEAD~4").slice(0, 12) },
        { line: 2 },
        { line: 3 },
      ],
      truncated: true,
    });
    const rest = await history({ mode: "blame", paths: ["a.txt"], cursor: first["next_cursor"] });
    expect(rest).toMatchObject({
      lines: [{ line: 4 }, { line: 5 }, { line: 6 }, { line: 7 }],
      truncated: false,
    });
    expect(await refused({ mode: "blame", paths: ["b.txt"] })).toMatchObject({ code: "not_found" });
    expect(await refused({ mode: "blame" })).toMatchObject({ code: "invalid" });
  });

  it("answers for a repository without a commit, and refuses hostile refs and cursors", async () => {
    const empty = join(bench.ground.app, "empty");
    await bench.must("create_repository", { path: empty });
    expect(await bench.must("get_repo_history", { repo: empty })).toMatchObject({ commits: [] });
    for (const ref of ["--output=x", "-", "HEAD\0", "nothing"])
      expect(["invalid", "not_found"]).toContain((await refused({ ref }))["code"]);
    expect(await refused({ cursor: "--output=x.1" })).toMatchObject({ code: "invalid" });
  });

  it("tells of the end of a shallow clone", async () => {
    const path = join(bench.ground.app, "shallow");
    await bench.must("create_repository", { path, clone_url: `file://${repo}`, depth: 1 });
    const answer = await bench.must("get_repo_history", { repo: path });
    expect(answer).toMatchObject({ shallow: true });
    expect(ids(answer)).toHaveLength(1);
  });
});

describe("parsing", () => {
  it("survives dates that no calendar has", () => {
    const [commit] = parseLog(`${"a".repeat(40)}\0\0n\0e\0${"9".repeat(19)}\0s\0`);
    expect(new Date(commit?.authoredAt ?? Number.NaN).getTime()).toBe(8.64e15);
  });

  it("takes a file's line for what it is, whatever it looks like", () => {
    const id = "a".repeat(40);
    expect(parseBlame(`${id} 1 1 1\nauthor A\nauthor-time 1\nfilename f\n\tauthor Eve\n`)).toEqual([
      { line: 1, commit: id, author: "A", authoredAt: 1000, boundary: false, text: "author Eve" },
    ]);
  });

  it("takes its own cursors only", () => {
    expect(parseHistoryCursor(`${"a".repeat(40)}.5`)).toEqual({ start: "a".repeat(40), given: 5 });
    expect(parseHistoryCursor("HEAD.5")).toBeUndefined();
  });
});
