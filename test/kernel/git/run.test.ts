import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import { gitEnvironment } from "../../../kernel/git/environment.ts";
import { gitCache, openGit, type GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import { openRoots } from "../../../kernel/roots.ts";
import { gitPlayground, type GitPlayground } from "../../support/git-repository.ts";

let ground: GitPlayground;
let git: GitContext;

beforeAll(async () => {
  ground = gitPlayground();
  const repo = ground.repository(join(ground.app, "repo"), {
    "big.txt": "0123456789abcdef\n".repeat(200_000),
  });
  git = await openGit({
    roots: openRoots([ground.app]),
    path: process.env["PATH"] ?? "",
    home: ground.home,
    repo,
  });
});
afterAll(() => ground.dispose());

const bigBlob = gitCommand("cat_file", ["blob"], { revisions: ["HEAD:big.txt"] });

describe("runGit", () => {
  it("gives back everything, byte for byte", async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const { stdout } = await runGit(git, gitCommand("hash_object", ["-w", "--stdin"]), { input: bytes });
    const back = await runGit(
      git,
      gitCommand("cat_file", ["blob"], { revisions: [stdout.toString().trim()] }),
    );
    expect(back.stdout.equals(bytes)).toBe(true);
  });

  it("stops at the limit and says so", async () => {
    const result = await runGit(git, bigBlob, { maxBytes: 1000 });
    expect(result).toMatchObject({ code: null, truncated: true });
    expect(result.stdout.length).toBe(1000);
    expect(await runGit(git, bigBlob, { maxBytes: 3_400_000 })).toMatchObject({ code: 0, truncated: false });
  });

  it("reports a failure as a result with a cleaned reason", async () => {
    const result = await runGit(git, gitCommand("cat_file", ["-t"], { revisions: ["nothing"] }));
    expect(result.code).toBe(128);
    expect(result.stderr).toContain("nothing");
  });

  it("ends a whole group when time is up or the call is cancelled", async () => {
    const pidFile = join(ground.base, "pid");
    const hook = join(git.worktree, ".git/hooks/reference-transaction");
    writeFileSync(hook, `#!/bin/sh\necho $$ > ${pidFile}\nsleep 60\n`, { mode: 0o755 });
    const trusted = await openGit({
      roots: openRoots([ground.app]),
      path: process.env["PATH"] ?? "",
      home: ground.home,
      repo: git.worktree,
      isTrusted: () => true,
    });
    const slow = gitCommand("update_ref");
    const input = "create refs/heads/z\0HEAD\0";
    await expect(runGit(trusted, slow, { input, timeoutMs: 300 })).rejects.toMatchObject({
      code: "timeout",
      retryable: true,
    });
    await expectGone(pidFile);

    const controller = new AbortController();
    const running = runGit(trusted, slow, { input, signal: controller.signal });
    setTimeout(() => controller.abort(), 300);
    await expect(running).rejects.toMatchObject({ code: "timeout" });
    await expectGone(pidFile);
    await expect(runGit(git, slow, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "timeout",
    });
  });

  it("says when git is missing", async () => {
    const place = { ...git, environment: { ...git.environment, PATH: ground.home } };
    await expect(runGit(place, gitCommand("version"))).rejects.toMatchObject({
      code: "unavailable",
      retryable: false,
    });
    await expect(
      openGit({
        roots: openRoots([ground.app]),
        path: ground.home,
        home: ground.home,
        repo: git.worktree,
        cache: gitCache(),
      }),
    ).rejects.toMatchObject({ code: "unavailable", hint: expect.stringContaining("install git") });
  });

  async function expectGone(pidFile: string): Promise<void> {
    expect(existsSync(pidFile)).toBe(true);
    const pid = Number(readFileSync(pidFile, "utf8"));
    for (let tries = 0; tries < 40; tries += 1) {
      try {
        process.kill(pid, 0);
      } catch {
        return;
      }
      await pause(50);
    }
    expect.unreachable(`process ${pid} is still there`);
  }
});

describe("the environment of git", () => {
  it("is built from nothing", () => {
    const environment = gitEnvironment({ path: "/bin", home: "/h" });
    expect(environment).toMatchObject({
      PATH: "/bin",
      HOME: "/h",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_ALLOW_PROTOCOL: "none",
      GIT_AUTHOR_NAME: "Slipway",
    });
    const allowed =
      /^(PATH|HOME|LC_ALL|SSH_ASKPASS|GIT_(CONFIG_(NOSYSTEM|GLOBAL)|ATTR_NOSYSTEM|TERMINAL_PROMPT|OPTIONAL_LOCKS|ASKPASS|EDITOR|SEQUENCE_EDITOR|PAGER|ALLOW_PROTOCOL|LITERAL_PATHSPECS|NO_REPLACE_OBJECTS|NO_LAZY_FETCH|(AUTHOR|COMMITTER)_(NAME|EMAIL)))$/;
    expect(Object.keys(environment).filter((key) => !allowed.test(key))).toEqual([]);
  });

  it("takes an identity and named transports", () => {
    expect(
      gitEnvironment({
        path: "",
        home: "",
        identity: { name: "Bot", email: "b@x" },
        protocols: ["https", "ssh"],
      }),
    ).toMatchObject({
      GIT_COMMITTER_EMAIL: "b@x",
      GIT_ALLOW_PROTOCOL: "https:ssh",
    });
  });
});
