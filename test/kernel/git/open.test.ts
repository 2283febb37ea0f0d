import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import { gitCache, openGit, type GitContext, type GitSettings } from "../../../kernel/git/open.ts";
import { runGit, type GitResult } from "../../../kernel/git/run.ts";
import { openRoots } from "../../../kernel/roots.ts";
import { gitPlayground, type GitPlayground } from "../../support/git-repository.ts";

let ground: GitPlayground;
let settings: GitSettings;
let repo: string;
let number = 0;

beforeAll(() => {
  ground = gitPlayground();
  settings = {
    roots: openRoots([ground.app]),
    path: process.env["PATH"] ?? "",
    home: ground.home,
    cache: gitCache(),
  };
});
afterAll(() => ground.dispose());
beforeEach(() => {
  number += 1;
  repo = ground.repository(join(ground.app, `repo-${number}`), { "a.txt": "one\n", "b.txt": "one\n" });
});

const open = (path = repo): Promise<GitContext> => openGit({ ...settings, repo: path });
const config = (key: string, value: string): string => ground.git(repo, "config", key, value);
const status = (git: GitContext): Promise<GitResult> =>
  runGit(git, gitCommand("status", ["--porcelain=v2", "--branch", "-z", "--untracked-files=all"]));

describe("the location of a repository", () => {
  it("is the real one: a link inside the root to a repository outside", async () => {
    ground.repository(join(ground.outside, `linked-${number}`));
    symlinkSync(join(ground.outside, `linked-${number}`), join(repo, "link"));
    await expect(open(join(repo, "link"))).rejects.toMatchObject({ code: "denied" });
  });

  it("counts the git folder a .git file points at", async () => {
    const elsewhere = ground.repository(join(ground.outside, `gitdir-${number}`));
    const folder = join(ground.app, `pointer-${number}`);
    ground.write(folder, { ".git": `gitdir: ${join(elsewhere, ".git")}\n` });
    await expect(open(folder)).rejects.toMatchObject({ code: "denied" });
  });

  it("counts the common folder of a linked worktree", async () => {
    const main = ground.repository(join(ground.outside, `main-${number}`));
    ground.git(main, "worktree", "add", "--quiet", "-b", "w", join(ground.app, `worktree-${number}`));
    await expect(open(join(ground.app, `worktree-${number}`))).rejects.toMatchObject({ code: "denied" });
  });

  it("counts core.worktree", async () => {
    config("core.worktree", ground.outside);
    await expect(open(join(repo, ".git"))).rejects.toMatchObject({
      code: expect.stringMatching(/denied|invalid/),
    });
    await expect(open()).rejects.toMatchObject({ code: "denied" });
  });

  it("counts a linked object store and a borrowed one", async () => {
    const other = ground.repository(join(ground.outside, `store-${number}`));
    ground.write(repo, { ".git/objects/info/alternates": `${join(other, ".git/objects")}\n` });
    await expect(open()).rejects.toMatchObject({ code: "denied" });
    rmSync(join(repo, ".git/objects/info/alternates"));
    symlinkSync(join(other, ".git/refs"), join(repo, ".git/extra"));
    await expect(open()).rejects.toMatchObject({ code: "denied" });
  });

  it("is not a parent outside the root, nor a bare repository, nor nothing", async () => {
    ground.git(ground.app, "init", "--quiet", "--bare", `bare-${number}`);
    await expect(open(join(ground.app, `bare-${number}`))).rejects.toMatchObject({ code: "invalid" });
    mkdirSync(join(ground.app, `plain-${number}`));
    await expect(open(join(ground.app, `plain-${number}`))).rejects.toMatchObject({ code: "not_found" });
    const inner = join(ground.repository(join(ground.outside, `outer-${number}`)), "inner");
    mkdirSync(inner);
    await expect(openGit({ ...settings, roots: openRoots([inner]), repo: inner })).rejects.toMatchObject({
      code: "denied",
    });
  });

  it("is found from a folder below, and for a linked worktree inside the root", async () => {
    mkdirSync(join(repo, "src"));
    expect(await open(join(repo, "src"))).toMatchObject({ worktree: repo, commonDir: join(repo, ".git") });
    ground.git(repo, "worktree", "add", "--quiet", "-b", "w", join(ground.app, `tree-${number}`));
    expect(await open(join(ground.app, `tree-${number}`))).toMatchObject({
      worktree: join(ground.app, `tree-${number}`),
      commonDir: join(repo, ".git"),
    });
  });
});

describe("what is remembered between two calls", () => {
  // Everything counts as old enough to be remembered, and without git nothing can be asked anew.
  const cache = gitCache(() => Date.now() + 60_000);
  cache.versions.set("/nowhere", Promise.resolve({ major: 2, minor: 39 }));
  const remember = (path = repo) => openGit({ ...settings, cache, repo: path });
  const recall = (path = repo) => openGit({ ...settings, cache, repo: path, path: "/nowhere" });

  it("is where the repository is, and what its configuration asks for", async () => {
    config("core.fsmonitor", "x");
    const git = await remember();
    expect(await recall()).toMatchObject({ worktree: git.worktree, untrustedConfig: ["core.fsmonitor"] });
    expect(await (await recall()).resolveCommit("HEAD")).toBe(ground.git(repo, "rev-parse", "HEAD"));
  });

  it.each<[string, () => void]>([
    ["the configuration", () => config("core.worktree", ground.outside)],
    ["the .git entry", () => (rmSync(join(repo, ".git"), { recursive: true }), pointOutside())],
    ["a common folder", () => ground.write(repo, { ".git/commondir": `${ground.outside}\n` })],
    ["the head", () => rmSync(join(repo, ".git/HEAD"))],
    ["the folder of refs", () => rmSync(join(repo, ".git/refs"), { recursive: true })],
    ["the configuration of the worktree", () => ground.write(repo, { ".git/config.worktree": "" })],
  ])("is forgotten with a change of %s", async (_name, change) => {
    await remember();
    await recall();
    change();
    await expect(recall()).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is not remembered while a change could go unseen", async () => {
    const young = { ...cache, ...gitCache(() => 0), versions: cache.versions };
    await openGit({ ...settings, cache: young, repo });
    await expect(openGit({ ...settings, cache: young, repo, path: "/nowhere" })).rejects.toMatchObject({
      code: "unavailable",
    });
  });

  function pointOutside(): void {
    const elsewhere = ground.repository(join(ground.outside, `later-${number}`));
    ground.write(repo, { ".git": `gitdir: ${join(elsewhere, ".git")}\n` });
  }
});

describe("a name for a commit", () => {
  it.each(["--output=x", "-", "", "a\nb", "a\0b", "x".repeat(5000)])("is invalid: %j", async (ref) => {
    const git = await open();
    await expect(git.resolveCommit(ref)).rejects.toMatchObject({ code: "invalid" });
    expect(existsSync(join(repo, "x"))).toBe(false);
  });

  it("may not be an option even when a ref of that name lies on disk", async () => {
    ground.write(repo, { ".git/refs/heads/--output=x": `${ground.git(repo, "rev-parse", "HEAD")}\n` });
    const git = await open();
    await expect(git.resolveCommit("--output=x")).rejects.toMatchObject({ code: "invalid" });
    expect(() => gitCommand("log", ["--format=%H"], { revisions: ["--output=x"] })).toThrow(
      "may not start with",
    );
    expect(existsSync(join(repo, "x"))).toBe(false);
  });

  it.each(["none", "main..main", "^main", "main:a.txt", "HEAD^{tree}", "@{-1}", ":/first"])(
    "is not found: %s",
    async (ref) => {
      await expect((await open()).resolveCommit(ref)).rejects.toMatchObject({ code: "not_found" });
    },
  );

  it.each(["main", "HEAD", "refs/heads/main", "HEAD^{/first}"])(
    "is resolved to an object id: %s",
    async (ref) => {
      expect(await (await open()).resolveCommit(ref)).toBe(ground.git(repo, "rev-parse", "HEAD"));
    },
  );
});

it("takes a short name for what git takes it for", async () => {
  const git = await open();
  const first = ground.git(repo, "rev-parse", "HEAD");
  ground.git(repo, "commit", "--quiet", "--allow-empty", "--message=second");
  const second = ground.git(repo, "rev-parse", "HEAD");
  ground.git(repo, "branch", "name", second);
  expect(await git.resolveCommit("name")).toBe(second);
  ground.git(repo, "tag", "name", first);
  expect(await git.resolveCommit("name")).toBe(first);
  ground.git(repo, "tag", "--delete", "name");
  ground.git(repo, "pack-refs", "--all");
  expect(await git.resolveCommit("name")).toBe(second);
  ground.write(repo, { ".git/refs/heads/name": "ref: refs/heads/main\n" });
  expect(await git.resolveCommit("name")).toBe(second);
  await expect(git.resolveCommit("config")).rejects.toMatchObject({ code: "not_found" });
});

it("keeps file names byte for byte", async () => {
  const name = Buffer.concat([Buffer.from(`${repo}/bad-`), Buffer.from([0xff, 0xfe])]);
  writeFileSync(name, "x");
  const { stdout } = await status(await open());
  expect(stdout.includes(Buffer.concat([Buffer.from("? bad-"), Buffer.from([0xff, 0xfe, 0])]))).toBe(true);
});

it("takes path patterns literally", async () => {
  const { code, stdout } = await runGit(
    await open(),
    gitCommand("ls_files", ["-z"], { paths: [":(exclude)a.txt", "*.txt"] }),
  );
  expect({ code, text: stdout.toString() }).toEqual({ code: 0, text: "" });
});

it("leaves the repository's files as they were", async () => {
  const before = readFileSync(join(repo, ".git/config"), "utf8");
  utimesSync(join(repo, "a.txt"), 1, 1);
  const index = readFileSync(join(repo, ".git/index"));
  await status(await open());
  expect(readFileSync(join(repo, ".git/config"), "utf8")).toBe(before);
  expect(readFileSync(join(repo, ".git/index")).equals(index)).toBe(true);
});
