import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Change } from "../../../../servers/decision/domain/change.ts";
import { metricsOf } from "../../../../servers/decision/domain/metrics.ts";
import { changesBelow } from "../open.ts";
import { makeRepository, type Repository } from "../repository.ts";

let repo: Repository;
let home: string;
beforeEach(() => {
  repo = makeRepository();
  home = mkdtempSync(join(tmpdir(), "slipway-home-"));
});
afterEach(() => {
  repo.remove();
  rmSync(home, { recursive: true, force: true });
});

function read(base: string | undefined, head: string, path = repo.path): Promise<Change> {
  return changesBelow([path], home).read({ repo: path, base, head, signal: new AbortController().signal });
}

test("measures a range against the history before it, and nothing newer", async () => {
  repo.write("src/a.ts", "one\ntwo\nthree\n");
  repo.commit("start", "bob@example.com");
  repo.write("src/a.ts", "one\ntwo\nthree\nfour\n");
  repo.write("src/b.ts", "b\n");
  const base = repo.commit("more");
  repo.write("src/a.ts", "one\ntwo\nthree\nfour\nfive\nsix\n");
  repo.write("docs/d.md", "d\n");
  repo.commit("part one");
  repo.write("src/b.ts", "B\n");
  const head = repo.commit("fix part two");
  repo.write("src/a.ts", "later\n");
  repo.commit("later, by somebody else", "eve@example.com");

  const change = await read(base, head);
  expect(change.base).toBe(base);
  expect(change.head).toBe(head);
  expect(change.files.map((file) => [file.path, file.added, file.deleted, file.linesBefore])).toEqual([
    ["docs/d.md", 1, 0, 0],
    ["src/a.ts", 2, 0, 4],
    ["src/b.ts", 1, 1, 1],
  ]);
  // Three days between the commits and four: src/a.ts and src/b.ts both changed last two days before the head.
  expect(metricsOf(change)).toMatchObject({
    ns: 2,
    nd: 2,
    nf: 3,
    la: 4,
    ld: 1,
    lt: 5,
    fix: 1,
    nuc: 2,
    ndev: 2,
    exp: 1,
    sexp: 1,
    age: 2,
  });
});

test("a repository with one commit: everything is new and nothing is past", async () => {
  repo.write("a.ts", "x\ny\n");
  const head = repo.commit("first");
  const change = await read(undefined, "HEAD");
  expect(change).toMatchObject({ base: null, head, past: [], historyKnown: true });
  expect(metricsOf(change)).toMatchObject({ nf: 1, la: 2, ld: 0, lt: 0, exp: 0, nuc: 0, age: null });
});

test("without a base the change is the last commit", async () => {
  repo.write("a.ts", "x\n");
  const base = repo.commit("first");
  repo.write("a.ts", "x\ny\n");
  repo.commit("second");
  expect(await read(undefined, "main")).toMatchObject({
    base,
    files: [{ path: "a.ts", added: 1, deleted: 0 }],
  });
});

test("an empty range, and one that goes backwards, change nothing", async () => {
  repo.write("a.ts", "x\n");
  const first = repo.commit("first");
  repo.write("a.ts", "y\n");
  const second = repo.commit("second");
  expect((await read(second, second)).files).toEqual([]);
  expect((await read(second, first)).files).toEqual([]);
});

test("a branch is measured from where it left, not from what happened on main since", async () => {
  repo.write("a.ts", "x\n");
  const fork = repo.commit("first");
  repo.git("switch", "--quiet", "--create", "work");
  repo.write("b.ts", "b\n");
  repo.commit("work");
  repo.git("switch", "--quiet", "main");
  repo.write("a.ts", "x\ny\nz\n");
  repo.commit("meanwhile");
  const change = await read("main", "work");
  expect(change.base).toBe(fork);
  expect(change.files.map((file) => file.path)).toEqual(["b.ts"]);
});

test("a merge commit is measured by what it brings to the base", async () => {
  repo.write("a.ts", "x\n");
  repo.commit("first");
  repo.git("switch", "--quiet", "--create", "work");
  repo.write("b.ts", "b\n");
  repo.commit("work");
  repo.git("switch", "--quiet", "main");
  repo.write("c.ts", "c\n");
  const before = repo.commit("meanwhile");
  repo.git("merge", "--quiet", "--no-ff", "-m", "merge", "work");
  expect((await read(before, "main")).files.map((file) => file.path)).toEqual(["b.ts"]);
  expect((await read(undefined, "main")).files.map((file) => file.path)).toEqual(["b.ts"]);
});

test("renames, binary files and names that need quoting are read exactly", async () => {
  const long = Array.from({ length: 20 }, (_, i) => `line ${i}\n`).join("");
  repo.write("old/name.ts", long);
  repo.write("image.png", new Uint8Array([0, 1, 2, 0]));
  const base = repo.commit("first", "bob@example.com");
  repo.git("mv", "old/name.ts", "new name.ts");
  repo.write("new name.ts", `${long}more\n`);
  repo.write("image.png", new Uint8Array([0, 9, 9, 0]));
  repo.write('tab\tand "quote" and\nline.ts', "x\n");
  const head = repo.commit("second");
  const change = await read(base, head);
  expect(change.files).toEqual([
    { path: "image.png", previousPath: "image.png", added: null, deleted: null, linesBefore: 0 },
    { path: "new name.ts", previousPath: "old/name.ts", added: 1, deleted: 0, linesBefore: 20 },
    {
      path: 'tab\tand "quote" and\nline.ts',
      previousPath: 'tab\tand "quote" and\nline.ts',
      added: 1,
      deleted: 0,
      linesBefore: null,
    },
  ]);
  expect(metricsOf(change)).toMatchObject({ nuc: 1, ndev: 1 });
});

test("a repository with SHA-256 object ids is read as well", async () => {
  repo.remove();
  execFileSync("git", ["init", "--quiet", "--object-format=sha256", "--initial-branch=main", repo.path]);
  repo.write("a.ts", "x\n");
  repo.commit("first");
  repo.write("a.ts", "x\ny\n");
  const head = repo.commit("second");
  expect(head).toHaveLength(64);
  expect((await read(undefined, "HEAD")).files).toMatchObject([{ added: 1, linesBefore: 1 }]);
});

test("unrelated histories: all of the head is new", async () => {
  repo.write("a.ts", "x\n");
  repo.commit("first");
  repo.git("switch", "--quiet", "--orphan", "other");
  repo.write("b.ts", "b\n");
  repo.commit("unrelated");
  expect(await read("main", "other")).toMatchObject({ base: null, files: [{ path: "b.ts" }] });
});

test("names everybody who made a commit of the range, and who helped", async () => {
  repo.write("a.ts", "x\n");
  const base = repo.commit("first");
  repo.commit("second", "eve@example.com");
  repo.commit("third\n\nCo-authored-by: Cid Day <cid@example.com>", "bob@example.com");
  expect((await read(base, "HEAD")).authors).toEqual([
    "T <bob@example.com>",
    "Cid Day <cid@example.com>",
    "T <eve@example.com>",
  ]);
});

test("a shallow clone says that its history is not known", async () => {
  repo.write("a.ts", "x\n");
  repo.commit("first");
  repo.write("a.ts", "y\n");
  repo.commit("second");
  repo.write("a.ts", "z\n");
  repo.commit("third");
  const clone = realpathSync(mkdtempSync(join(tmpdir(), "slipway-shallow-")));
  execFileSync("git", ["clone", "--quiet", "--depth=2", `file://${repo.path}`, clone], { stdio: "ignore" });
  const change = await read(undefined, "HEAD", clone);
  // Its first commit seems to have made everything: what it stands on was not fetched.
  await expect(read(undefined, "HEAD~1", clone)).rejects.toMatchObject({
    code: "invalid_state",
    hint: expect.stringContaining("git fetch --deepen"),
  });
  rmSync(clone, { recursive: true, force: true });
  expect(change.historyKnown).toBe(false);
  expect(metricsOf(change).nuc).toBeNull();
});

test.each<[what: string, base: string | undefined, head: string, code: string]>([
  ["an unknown head", undefined, "nowhere", "not_found"],
  ["an unknown base", "nowhere", "HEAD", "not_found"],
  ["a head that is an option", undefined, "--output=x", "invalid"],
  ["a head with a range in it", undefined, "HEAD..HEAD", "not_found"],
])("%s is refused", async (_what, base, head, code) => {
  repo.write("a.ts", "x\n");
  repo.commit("first");
  await expect(read(base, head)).rejects.toMatchObject({ code });
});

test("a folder that is no repository, and one outside the roots, are refused", async () => {
  await expect(read(undefined, "HEAD", home)).rejects.toMatchObject({ code: "not_found" });
  const source = changesBelow([home], home);
  await expect(
    source.read({ repo: repo.path, base: undefined, head: "HEAD", signal: new AbortController().signal }),
  ).rejects.toMatchObject({ code: "denied" });
});

test("a repository's own programs are not run while it is measured", async () => {
  const touched = join(home, "touched");
  repo.write(".gitattributes", "* diff=evil filter=evil\n");
  repo.write("a.ts", "x\n");
  repo.commit("first");
  repo.write("a.ts", "y\n");
  repo.commit("second");
  const evil = `sh -c 'touch ${touched}; cat'`;
  for (const key of [
    "diff.evil.textconv",
    "diff.evil.command",
    "diff.external",
    "core.fsmonitor",
    "core.pager",
    "filter.evil.clean",
  ]) {
    repo.git("config", key, evil);
  }
  const change = await read(undefined, "HEAD");
  expect(change.files.map((file) => [file.path, file.added, file.deleted])).toEqual([["a.ts", 1, 1]]);
  expect(existsSync(touched)).toBe(false);
});
