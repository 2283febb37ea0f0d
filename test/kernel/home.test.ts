import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findHome, mainWorktree } from "../../kernel/home.ts";
import { gitPlayground, type GitPlayground } from "../support/git-repository.ts";

let play: GitPlayground;
let repo: string;
beforeEach(() => {
  play = gitPlayground();
  repo = play.repository(join(play.app, "repo"));
  mkdirSync(join(repo, "src/deep"), { recursive: true });
});
afterEach(() => play.dispose());

const home = (cwd: string, env: Readonly<Record<string, string>> = {}, flag?: string): string =>
  findHome({ flag, env, cwd });

test("--home beats SLIPWAY_HOME, which beats the repository; relative ones start at the working directory", () => {
  expect(home(repo, { SLIPWAY_HOME: "/env" }, "/flag")).toBe("/flag");
  expect(home(repo, { SLIPWAY_HOME: "/env" })).toBe("/env");
  expect(home(repo, { SLIPWAY_HOME: "" })).toBe(join(repo, ".slipway"));
  expect(home(repo, {}, "state")).toBe(join(repo, "state"));
  expect(home(repo, { SLIPWAY_HOME: "../state" })).toBe(join(play.app, "state"));
  expect(() => home(repo, { SLIPWAY_HOME: "/env" }, "")).toThrow("--home needs a folder");
});

test("every folder and every linked worktree of a repository shares the folder of the main one", () => {
  const linked = join(play.app, "elsewhere/linked");
  play.git(repo, "worktree", "add", "--quiet", linked, "-b", "side");
  mkdirSync(join(linked, "sub"));
  for (const cwd of [repo, join(repo, "src/deep"), linked, join(linked, "sub")]) {
    expect(home(cwd)).toBe(join(repo, ".slipway"));
  }
});

test("a host's project folder counts more than where it starts its servers, also behind a link", () => {
  symlinkSync(repo, join(play.app, "link"));
  expect(home(play.outside, { CLAUDE_PROJECT_DIR: join(repo, "src") })).toBe(join(repo, ".slipway"));
  expect(home(play.outside, { CLAUDE_PROJECT_DIR: join(play.app, "link") })).toBe(join(repo, ".slipway"));
  expect(home(repo, { CLAUDE_PROJECT_DIR: join(play.base, "gone") })).toBe(join(repo, ".slipway"));
  expect(home(repo, { CLAUDE_PROJECT_DIR: "" })).toBe(join(repo, ".slipway"));
});

test("outside any repository the working directory is taken", () => {
  expect(mainWorktree(play.outside)).toBeNull();
  expect(home(play.outside)).toBe(join(play.outside, ".slipway"));
});

test("a submodule keeps its state beside its own files, not inside the parent's git folder", () => {
  const parent = play.repository(join(play.app, "parent"));
  play.git(parent, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", repo, "lib");
  expect(home(join(parent, "lib"))).toBe(join(parent, "lib/.slipway"));
  const linked = join(play.app, "lib-linked");
  play.git(join(parent, "lib"), "worktree", "add", "--quiet", linked, "-b", "side");
  expect(home(linked)).toBe(join(parent, "lib/.slipway"));
});

test("the worktrees of a bare repository share one folder", () => {
  const bare = join(play.app, "bare.git");
  play.git(play.app, "clone", "--quiet", "--bare", repo, bare);
  const [one, two] = [join(play.app, "one"), join(play.app, "two")];
  play.git(bare, "worktree", "add", "--quiet", one, "main");
  play.git(bare, "worktree", "add", "--quiet", two, "-b", "second");
  expect(home(one)).toBe(join(bare, ".slipway"));
  expect(home(two)).toBe(join(bare, ".slipway"));
});
