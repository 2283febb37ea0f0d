import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import { gitCache, openGit, type GitContext, type GitSettings } from "../../../kernel/git/open.ts";
import { runGit, type GitResult } from "../../../kernel/git/run.ts";
import { openRoots } from "../../../kernel/roots.ts";
import { gitPlayground, type GitPlayground } from "../../support/git-repository.ts";

let ground: GitPlayground;
let settings: GitSettings;
let marker: string;
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
  marker = join(ground.base, "executed");
});
afterAll(() => ground.dispose());
beforeEach(() => {
  number += 1;
  repo = ground.repository(join(ground.app, `repo-${number}`), { "a.txt": "one\n", "b.txt": "one\n" });
});

const open = (path = repo): Promise<GitContext> => openGit({ ...settings, repo: path });
const payload = (): string => `touch ${marker}`;
const config = (key: string, value: string): string => ground.git(repo, "config", key, value);
const status = (git: GitContext): Promise<GitResult> =>
  runGit(git, gitCommand("status", ["--porcelain=v2", "--branch", "-z", "--untracked-files=all"]));
const diff = (git: GitContext): Promise<GitResult> => runGit(git, gitCommand("diff", ["--patch"]));
const stage = async (git: GitContext): Promise<GitResult> => {
  const staged = await runGit(git, gitCommand("update_index", ["--add", "--remove", "-z", "--stdin"]), {
    input: "a.txt\0",
  });
  const checkout = await runGit(git, gitCommand("reset", ["--quiet", "--hard"]));
  return staged.code === 0 ? checkout : staged;
};
const simulateMerge = (git: GitContext): Promise<GitResult> =>
  runGit(git, gitCommand("merge_tree", ["-z"], { revisions: ["main", "other"] }));
function attributes(line: string): void {
  ground.write(repo, { ".gitattributes": `${line}\n` });
  ground.git(repo, "add", ".gitattributes");
  ground.git(repo, "commit", "--quiet", "--message=attributes");
}
function divergingBranches(): void {
  ground.git(repo, "switch", "--quiet", "--create", "other");
  ground.write(repo, { "a.txt": "theirs\n" });
  ground.git(repo, "commit", "--quiet", "--all", "--message=theirs");
  ground.git(repo, "switch", "--quiet", "main");
  ground.write(repo, { "a.txt": "ours\n" });
  ground.git(repo, "commit", "--quiet", "--all", "--message=ours");
}
const change = (): void => ground.write(repo, { "a.txt": "two\n" });

interface Trap {
  readonly name: string;
  readonly key: string;
  plant(): void;
  /** What plain git does with the trap; it must spring it, or the case would prove nothing. */
  readonly spring: readonly string[];
  operate(git: GitContext): Promise<GitResult>;
  readonly code: number;
}

const traps: readonly Trap[] = [
  {
    name: "file system monitor",
    key: "core.fsmonitor",
    plant: () => config("core.fsmonitor", `${payload()}; false`),
    spring: ["status"],
    operate: status,
    code: 0,
  },
  {
    name: "external diff",
    key: "diff.external",
    plant: () => (config("diff.external", payload()), change()),
    spring: ["diff"],
    operate: diff,
    code: 0,
  },
  {
    name: "diff driver command",
    key: "diff.x.command",
    plant: () => (config("diff.x.command", payload()), attributes("*.txt diff=x"), change()),
    spring: ["diff"],
    operate: diff,
    code: 0,
  },
  {
    name: "text conversion",
    key: "diff.x.textconv",
    plant: () => (config("diff.x.textconv", `${payload()}; cat`), attributes("*.txt diff=x"), change()),
    spring: ["diff"],
    operate: diff,
    code: 0,
  },
  {
    name: "clean filter",
    key: "filter.x.clean",
    plant: () => (
      attributes("*.txt filter=x"),
      config("filter.x.clean", `${payload()}; cat`),
      config("filter.x.required", "true"),
      change()
    ),
    spring: ["add", "a.txt"],
    operate: stage,
    code: 0,
  },
  {
    name: "smudge filter",
    key: "filter.x.smudge",
    plant: () => (attributes("*.txt filter=x"), config("filter.x.smudge", `${payload()}; cat`), change()),
    spring: ["checkout", "--", "a.txt"],
    operate: stage,
    code: 0,
  },
  {
    name: "filter process, with = in its name",
    key: "filter.x=y.process",
    plant: () => (attributes("*.txt filter=x=y"), config("filter.x=y.process", payload()), change()),
    spring: ["add", "a.txt"],
    operate: stage,
    code: 0,
  },
  {
    name: "merge driver",
    key: "merge.x.driver",
    plant: () => (
      divergingBranches(),
      ground.write(repo, { ".git/info/attributes": "*.txt merge=x\n" }),
      config("merge.x.driver", `${payload()}; false`)
    ),
    spring: ["merge-tree", "--write-tree", "main", "other"],
    operate: simulateMerge,
    code: 1,
  },
  {
    name: "signature check",
    key: "gpg.program",
    plant: () => (
      config("gpg.program", join(ground.base, "payload.sh")),
      config("log.showSignature", "true"),
      signedCommit()
    ),
    spring: ["log"],
    operate: (git) => runGit(git, gitCommand("log", ["--format=%H"])),
    code: 0,
  },
  {
    name: "hooks in the usual place",
    key: "",
    plant: hook,
    spring: ["update-ref", "refs/heads/x", "HEAD"],
    operate: (git) => runGit(git, gitCommand("update_ref"), { input: "create refs/heads/y\0HEAD\0" }),
    code: 0,
  },
  {
    name: "a folder of hooks",
    key: "core.hookspath",
    plant: () => (hook(), config("core.hooksPath", join(repo, ".git/hooks"))),
    spring: ["checkout", "-b", "x"],
    operate: stage,
    code: 0,
  },
];

function hook(): void {
  for (const name of ["reference-transaction", "post-checkout", "post-index-change", "pre-commit"]) {
    mkdirSync(join(repo, ".git/hooks"), { recursive: true });
    writeFileSync(join(repo, ".git/hooks", name), `#!/bin/sh\n${payload()}\n`, { mode: 0o755 });
  }
}
function signedCommit(): void {
  writeFileSync(join(ground.base, "payload.sh"), `#!/bin/sh\n${payload()}\nexit 1\n`);
  chmodSync(join(ground.base, "payload.sh"), 0o755);
  const raw = ground
    .git(repo, "cat-file", "commit", "HEAD")
    .replace(/\n\n/, "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n eA==\n -----END PGP SIGNATURE-----\n\n");
  ground.write(repo, { ".git/signed": `${raw}\n` });
  ground.git(
    repo,
    "update-ref",
    "HEAD",
    ground.git(repo, "hash-object", "-t", "commit", "-w", ".git/signed"),
  );
}

describe("a trap in the repository's own configuration", () => {
  it.each(traps)("does not run: $name", async ({ key, plant, spring, operate, code }) => {
    plant();
    rmSync(marker, { force: true });
    try {
      ground.git(repo, ...spring);
    } catch {
      // Many payloads make git fail; that they ran is what counts.
    }
    expect(existsSync(marker), "plain git springs the trap").toBe(true);
    rmSync(marker);
    if (spring[0] === "checkout" && spring[1] === "--") change();

    const git = await open();
    const result = await operate(git);
    expect(existsSync(marker), "ours does not").toBe(false);
    expect({ code: result.code, stderr: code === 0 ? result.stderr : "" }).toEqual({ code, stderr: "" });
    if (key !== "") expect(git.untrustedConfig).toContain(key);
  });

  it("still shows the change behind a text conversion", async () => {
    config("diff.x.textconv", payload());
    attributes("*.txt diff=x");
    change();
    expect((await diff(await open())).stdout.toString()).toContain("-one\n+two");
  });

  it("names keys of the network group and of aliases, and never a value", async () => {
    config("url.https://token:secret@evil/.insteadOf", "https://good/");
    config("credential.helper", "!touch secret-value");
    config("core.sshCommand", payload());
    config("alias.status", `!${payload()}`);
    const git = await open();
    expect(git.untrustedConfig).toEqual(
      expect.arrayContaining(["alias.status", "core.sshcommand", "credential.helper"]),
    );
    expect(git.untrustedConfig.join()).not.toContain("secret-value");
    expect(git.networkConfig).toContain("credential.helper");
    expect((await status(git)).code).toBe(0);
    expect(existsSync(marker)).toBe(false);
  });

  it("is found in the worktree's own configuration", async () => {
    config("extensions.worktreeConfig", "true");
    writeFileSync(join(repo, ".git/config.worktree"), `[core]\n\tfsmonitor = "${payload()}; false"\n`);
    ground.git(repo, "status");
    expect(existsSync(marker), "plain git springs the trap").toBe(true);
    rmSync(marker);
    const git = await open();
    await status(git);
    expect(existsSync(marker)).toBe(false);
    expect(git.untrustedConfig).toEqual(["core.fsmonitor", "extensions.worktreeconfig"]);
  });

  it("is found when the file changes between two calls", async () => {
    expect((await open()).untrustedConfig).toEqual([]);
    config("filter.x.clean", payload());
    expect((await open()).untrustedConfig).toEqual(["filter.x.clean"]);
  });

  it("does not let git fetch a missing object", async () => {
    config("remote.origin.url", `ext::sh -c ${payload().replace(" ", "% ")}`);
    config("remote.origin.promisor", "true");
    config("extensions.partialClone", "origin");
    config("core.repositoryFormatVersion", "1");
    const git = await open();
    const result = await runGit(git, gitCommand("cat_file", ["-e"], { revisions: ["1".repeat(40)] }));
    expect(result.code).not.toBe(0);
    expect(existsSync(marker)).toBe(false);
  });
});

describe("a repository that is refused until trusted", () => {
  it.each([
    ["include.path", "/outside/file"],
    ["include.path", "inside"],
    ["includeIf.gitdir:/.path", "/outside/file"],
  ])("%s = %s", async (key, value) => {
    config(key, value);
    await expect(open()).rejects.toMatchObject({
      code: "denied",
      hint: expect.stringContaining("remove these keys"),
    });
  });

  it("opens once a person trusts it, and keeps its hooks", async () => {
    config("include.path", "inside");
    hook();
    rmSync(marker, { force: true });
    const git = await openGit({
      ...settings,
      repo,
      isTrusted: (commonDir) => commonDir === join(repo, ".git"),
    });
    expect(git).toMatchObject({ trusted: true, untrustedConfig: [] });
    await runGit(git, gitCommand("update_ref"), { input: "create refs/heads/y\0HEAD\0" });
    expect(existsSync(marker)).toBe(true);
    rmSync(marker);
  });
});
