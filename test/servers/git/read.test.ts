import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { estimateTokens } from "../../../kernel/tokens.ts";
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
    "a.txt": "one\ntwo\n",
    "b.txt": "one\n",
  });
});

const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
const write = (files: Readonly<Record<string, string>>): void => bench.ground.write(repo, files);

describe("get_repo_status", () => {
  it("lists what is staged, modified, untracked", async () => {
    write({ "a.txt": "x", "b.txt": "y", "new/file.txt": "n" });
    git("add", "b.txt");
    expect(await bench.must("get_repo_status", { repo })).toEqual({
      branch: "main",
      head: git("rev-parse", "HEAD"),
      detached: false,
      unborn: false,
      ahead: null,
      behind: null,
      staged: ["b.txt"],
      modified: ["a.txt"],
      untracked: ["new/file.txt"],
      conflicted: [],
      untrusted_config: [],
      truncated: false,
    });
  });

  it("counts against an upstream, and sees a detached head", async () => {
    git("switch", "--quiet", "--create", "work", "--track", "main");
    git("commit", "--quiet", "--allow-empty", "--message=more");
    expect(await bench.must("get_repo_status", { repo })).toMatchObject({
      branch: "work",
      ahead: 1,
      behind: 0,
    });
    git("switch", "--quiet", "--detach");
    expect(await bench.must("get_repo_status", { repo })).toMatchObject({ branch: null, detached: true });
  });

  it("sees a conflict and the merge it belongs to", async () => {
    git("switch", "--quiet", "--create", "other");
    write({ "a.txt": "theirs\n" });
    git("commit", "--quiet", "--all", "--message=theirs");
    git("switch", "--quiet", "main");
    write({ "a.txt": "ours\n" });
    git("commit", "--quiet", "--all", "--message=ours");
    expect(() => git("merge", "other")).toThrow();
    expect(await bench.must("get_repo_status", { repo })).toMatchObject({
      conflicted: ["a.txt"],
      in_progress: "merge",
    });
  });

  it("names settings that run programs, and runs none", async () => {
    git("config", "core.fsmonitor", `touch ${bench.ground.base}/ran`);
    expect(await bench.must("get_repo_status", { repo })).toMatchObject({
      untrusted_config: ["core.fsmonitor"],
    });
  });

  it("quotes names that cannot be shown as they are", async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${repo}/bad-`), Buffer.from([0xff])]), "x");
    write({ "line\nbreak": "x", "turn\u202earound": "x", "plain ünïcode": "x" });
    const { untracked } = await bench.must("get_repo_status", { repo });
    expect(untracked).toEqual([
      '"bad-\\377"',
      '"line\\012break"',
      "plain ünïcode",
      '"turn\\342\\200\\256around"',
    ]);
  });

  it("is bounded", async () => {
    write(Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`many/file-${index}.txt`, ""])));
    const status = await bench.must("get_repo_status", { repo, max_tokens: 1000 });
    expect(status).toMatchObject({ truncated: true });
    expect(estimateTokens(JSON.stringify(status))).toBeLessThanOrEqual(1100);
  });

  it.each([
    [() => join(bench.ground.outside, "x"), "not_found"],
    [() => bench.ground.outside, "denied"],
    [() => `${repo}/../../outside`, "denied"],
    [() => bench.ground.app, "not_found"],
    [() => "relative", "invalid"],
    [() => `${repo}\n`, "invalid"],
  ])("refuses a repo that is not one of ours (%#)", async (path, code) => {
    expect(await bench.refused("get_repo_status", { repo: path() })).toMatchObject({ code });
  });
});

describe("get_repo_diff", () => {
  it("shows the working tree against the head", async () => {
    write({ "a.txt": "one\nTWO\n" });
    git("rm", "--quiet", "b.txt");
    const diff = await bench.must("get_repo_diff", { repo });
    expect(diff).toMatchObject({
      files: [
        { path: "a.txt", status: "modified", added: 1, removed: 1, binary: false },
        { path: "b.txt", status: "deleted", added: 0, removed: 1 },
      ],
      total: { files: 2, added: 1, removed: 2 },
      truncated: false,
    });
    expect(diff["patch"]).toContain("-two\n+TWO\n");
  });

  it("compares two commits, and only the named paths, taken literally", async () => {
    write({ "a.txt": "x\n", "b.txt": "y\n", "c.txt": "z\n" });
    git("add", "--all");
    git("commit", "--quiet", "--message=second");
    expect(
      await bench.must("get_repo_diff", {
        repo,
        from: "main~1",
        to: "main",
        paths: ["c.txt", "*.txt"],
        stat_only: true,
      }),
    ).toEqual({
      files: [{ path: "c.txt", status: "added", added: 1, removed: 0, binary: false }],
      total: { files: 1, added: 1, removed: 0 },
      truncated: false,
    });
  });

  it("flags binary files, survives bytes that are no text, and shows what is invisible", async () => {
    writeFileSync(join(repo, "bin"), Buffer.from([0, 1, 2, 255]));
    writeFileSync(join(repo, "latin"), Buffer.from("caf\u00e9 \u001b[31mred\n", "latin1"));
    write({ "a.txt": "one\ntwo\r\n" });
    git("add", "--all");
    const diff = await bench.must("get_repo_diff", { repo });
    expect(diff["files"]).toContainEqual({
      path: "bin",
      status: "added",
      added: 0,
      removed: 0,
      binary: true,
    });
    expect(diff["patch"]).toContain("+caf\ufffd red\n");
    expect(diff["patch"]).toContain("-two\n+two␍\n");
    expect(diff["patch"]).toContain("Binary files");
  });

  it("is read in pages that put together the whole", async () => {
    const lines = Array.from({ length: 4000 }, (_, index) => `line ${index} é "quoted"`);
    write({
      "a.txt": `${lines.join("\n")}\n`,
      ...Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`f/${index}`, `${index}\n`])),
    });
    git("add", "--all");
    const files: unknown[] = [];
    let patch = "";
    let cursor: unknown;
    let pages = 0;
    do {
      const page = await bench.must("get_repo_diff", {
        repo,
        max_tokens: 4000,
        ...(cursor === undefined ? {} : { cursor }),
      });
      expect(estimateTokens(JSON.stringify(page))).toBeLessThanOrEqual(4400);
      expect(page["truncated"]).toBe(page["next_cursor"] !== undefined);
      if (Array.isArray(page["files"])) files.push(...page["files"]);
      patch += typeof page["patch"] === "string" ? page["patch"] : "";
      cursor = page["next_cursor"];
      pages += 1;
    } while (cursor !== undefined && pages < 100);
    expect(files.length).toBe(151);
    expect(patch).toBe(`${git("diff", "HEAD", "--no-renames")}\n`);
    expect(pages).toBeGreaterThan(3);
  });

  it("pages through one endless line", async () => {
    write({ "a.txt": "é".repeat(40_000) });
    let cursor: unknown;
    let patch = "";
    for (let pages = 0; pages < 40; pages += 1) {
      const page = await bench.must("get_repo_diff", {
        repo,
        max_tokens: 8000,
        ...(cursor === undefined ? {} : { cursor }),
      });
      patch += String(page["patch"] ?? "");
      cursor = page["next_cursor"];
      if (cursor === undefined) break;
    }
    expect(patch).toBe(`${git("diff")}\n`);
  });

  it("notices that a branch moved between two pages", async () => {
    write({ "a.txt": "x\n".repeat(3000) });
    const { next_cursor } = await bench.must("get_repo_diff", { repo, max_tokens: 500 });
    git("commit", "--quiet", "--allow-empty", "--message=moved");
    expect(await bench.refused("get_repo_diff", { repo, cursor: next_cursor })).toMatchObject({
      code: "conflict",
    });
    expect(await bench.refused("get_repo_diff", { repo, cursor: "nonsense" })).toMatchObject({
      code: "invalid",
    });
  });

  it("works before the first commit", async () => {
    const path = join(bench.ground.app, `empty-${number}`);
    await bench.must("create_repository", { path });
    expect(await bench.must("get_repo_diff", { repo: path })).toMatchObject({ files: [], truncated: false });
    bench.ground.write(path, { x: "1\n" });
    bench.ground.git(path, "add", "x");
    expect(await bench.must("get_repo_diff", { repo: path })).toMatchObject({
      files: [{ path: "x", status: "added" }],
    });
  });

  it.each([["--output=x"], ["-"], ["a\nb"], ["nothing"], ["main..main"]])(
    "refuses the commit %j",
    async (from) => {
      expect(await bench.refused("get_repo_diff", { repo, from })).toMatchObject({
        code: expect.stringMatching(/invalid|not_found/),
      });
    },
  );
});

describe("create_repository", () => {
  const path = (name: string): string => join(bench.ground.app, `${name}-${number}`);

  it("makes an empty one, or a clone of one below a root", async () => {
    expect(await bench.must("create_repository", { path: path("new") })).toMatchObject({
      repo: path("new"),
      head: null,
    });
    const clone = await bench.must("create_repository", {
      path: path("clone"),
      clone_url: repo,
      depth: 1,
      idempotency_key: `c${number}`,
    });
    expect(clone).toMatchObject({ head: git("rev-parse", "HEAD") });
    expect(
      await bench.must("create_repository", {
        path: path("clone"),
        clone_url: repo,
        depth: 1,
        idempotency_key: `c${number}`,
      }),
    ).toEqual(clone);
  });

  it.each([
    ["ext::sh -c touch% /tmp/x"],
    ["--upload-pack=touch /tmp/x"],
    ["https://user:secret@example.org/x.git"],
    ["https://ghp_secret@example.org/x.git"],
    ["http://example.org/x.git"],
    ["file://localhost/etc"],
    ["git@-oProxyCommand=x:y"],
    ["ssh://-oProxyCommand=x/y"],
    ["a@b::c"],
  ])("refuses to clone %s, and repeats no secret", async (clone_url) => {
    const error = await bench.refused("create_repository", { path: path("refused"), clone_url });
    expect(error).toMatchObject({ code: "denied" });
    expect(JSON.stringify(error)).not.toContain("secret");
  });

  it("refuses places that are taken, outside, or in the way", async () => {
    expect(await bench.refused("create_repository", { path: repo })).toMatchObject({ code: "conflict" });
    expect(await bench.refused("create_repository", { path: join(bench.ground.outside, "x") })).toMatchObject(
      { code: "denied" },
    );
    expect(
      await bench.refused("create_repository", { path: path("x"), clone_url: bench.ground.outside }),
    ).toMatchObject({ code: "denied" });
    expect(await bench.refused("create_repository", { path: join(repo, "a.txt") })).toMatchObject({
      code: "invalid",
    });
  });
});
