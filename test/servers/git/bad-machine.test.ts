import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gitPlayground, type GitPlayground } from "../../support/git-repository.ts";
import { openGitBench } from "./git-server.ts";

let ground: GitPlayground;
let repo: string;

beforeAll(() => {
  ground = gitPlayground();
  repo = ground.repository(join(ground.app, "repo"), { "a.txt": "one\n" });
  ground.write(repo, { "a.txt": "two\n" });
});
afterAll(() => ground.dispose());

const commit = { repo: "", paths: ["a.txt"], message: "m" };

/** What a server refuses with whose git is this script of a shell; undefined stands for no git at all. */
async function refusedBy(
  script: string | undefined,
  tool: string,
  args: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(ground.base, "bin-"));
  const real = ground.git(repo, "--exec-path").replace(/\/libexec.*|\/lib\/.*/, "/bin/git");
  if (script !== undefined)
    writeFileSync(
      join(folder, "git"),
      `#!/bin/sh\nPATH=/usr/local/bin:/usr/bin:/bin\n${script}\nexec ${real} "$@"\n`,
      {
        mode: 0o755,
      },
    );
  const bench = await openGitBench({ path: folder }, { ...ground, dispose: () => {} });
  try {
    return await bench.refused(tool, { ...args, repo });
  } finally {
    await bench.close();
  }
}

/** A git that cannot write when it is called for this. */
const failing = (verb: string, words: string): string =>
  `case "$*" in ${verb}*) echo "fatal: unable to write: ${words}" >&2; exit 128;; esac`;

describe("a machine that is not as it should be is told of with what mends it", () => {
  it.each([
    ["no git", undefined, "unavailable", "install git 2.38"],
    ["an old git", "echo 'git version 2.30.2'; exit 0", "unavailable", "install git 2.38"],
  ])("%s", async (_what, script, code, hint) => {
    expect(await refusedBy(script, "get_repo_status", {})).toMatchObject({
      code,
      hint: expect.stringContaining(hint),
      retryable: false,
    });
  });

  it.each([
    ["add", "Read-only file system"],
    ["write-tree", "No space left on device"],
    ["commit-tree", "insufficient permission for adding an object"],
    ["update-ref", "Read-only file system"],
  ])("a disk that takes nothing at %s: %s", async (verb, words) => {
    const before = ground.git(repo, "rev-parse", "HEAD");
    expect(await refusedBy(failing(verb, words), "commit_changes", commit)).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("cannot be written"),
      hint: expect.stringContaining("disk space"),
    });
    expect(ground.git(repo, "rev-parse", "HEAD")).toBe(before);
  });

  it("a bare repository", async () => {
    const bare = join(ground.app, "bare.git");
    mkdirSync(bare);
    ground.git(bare, "init", "--quiet", "--bare", ".");
    const bench = await openGitBench({}, { ...ground, dispose: () => {} });
    expect(await bench.refused("get_repo_status", { repo: bare })).toMatchObject({
      code: "invalid",
      hint: expect.stringContaining("worktree"),
    });
    await bench.close();
  });
});
