import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { worktreeFolder } from "../../kernel/worktree-folder.ts";
import { gitPlayground, type GitPlayground } from "../support/git-repository.ts";

let ground: GitPlayground;
let plain: string;

beforeAll(() => {
  ground = gitPlayground();
  plain = mkdtempSync(join(tmpdir(), "home-"));
});
afterAll(() => {
  ground.dispose();
  rmSync(plain, { recursive: true });
});

it("is inside a state folder that lies outside every repository", () => {
  expect(worktreeFolder(plain, { HOME: "/h" })).toBe(join(plain, "worktrees"));
});

it("is outside the repository that the state folder lies in", () => {
  const home = join(ground.repository(join(ground.app, "repo")), ".slipway");
  expect(worktreeFolder(home, { HOME: "/h" })).toBe("/h/.local/state/slipway/worktrees");
  expect(worktreeFolder(home, { HOME: "/h", XDG_STATE_HOME: "/s" })).toBe("/s/slipway/worktrees");
  expect(worktreeFolder(home, {})).toBe(join(home, "worktrees"));
});
