import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DomainError } from "../../../kernel/errors.ts";
import { gitOutside } from "../../../kernel/git/open.ts";
import { readOwnCode } from "../../../kernel/git/own-code.ts";
import type { Terminal } from "../../../kernel/terminal.ts";
import { trustIn } from "../../../servers/git/adapters/trust.ts";
import { trustCommand, trustCommandWith } from "../../../servers/git/cli/trust.ts";
import { openGitStore } from "../../../servers/git/store/sqlite.ts";
import { gitPlayground, type GitPlayground } from "../../support/git-repository.ts";
import { openGitBench, type GitBench } from "./git-server.ts";

let ground: GitPlayground;
let bench: GitBench;
let repo: string;

beforeAll(async () => {
  ground = gitPlayground();
  mkdirSync(join(ground.base, "state"));
  const store = openGitStore(join(ground.base, "state", "git.db"), Date.now);
  bench = await openGitBench({ isTrusted: trustIn(store) }, ground);
  repo = ground.repository(join(ground.app, "repo"));
  mkdirSync(join(repo, ".git/hooks"), { recursive: true });
});
afterAll(() => bench.close());

const hook = (name: string, script: string): void =>
  writeFileSync(join(repo, ".git/hooks", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
const nowhere = gitOutside({ directory: "/", path: process.env["PATH"] ?? "", home: "/dev/null" });
const codeOf = (folder: string) => readOwnCode(nowhere, join(folder, ".git"));
const digest = async (): Promise<string> => (await codeOf(repo)).digest;

interface Said {
  readonly code: number | DomainError;
  readonly lines: readonly string[];
}

/** Runs the command as a person at a terminal who types `typed`; null stands for no terminal. */
async function trust(words: readonly string[], typed: string | null): Promise<Said> {
  const lines: string[] = [];
  const terminal: Terminal = {
    user: "ann",
    say: (line) => void lines.push(line),
    ask: async () => typed,
    close: () => {},
  };
  const command = typed === null ? trustCommand : trustCommandWith(() => terminal);
  const code = await command([...words, "--home", join(ground.base, "state")], {
    out: (line) => void lines.push(line),
    err: (line) => void lines.push(line),
    env: { PATH: process.env["PATH"], CI: "1" },
    cwd: ground.app,
    terminal: undefined,
    signal: new AbortController().signal,
  }).catch((error: unknown) => {
    if (error instanceof DomainError) return error;
    throw error;
  });
  return { code, lines };
}

let number = 0;
const commit = (): Promise<Record<string, unknown>> => {
  number += 1;
  ground.write(repo, { "a.txt": `${number}\n` });
  return bench.must("commit_changes", { repo, paths: ["a.txt"], message: "change a" });
};

describe("git trust", () => {
  it("is a person's: no terminal, no trust; nor by a wrong digest", async () => {
    expect((await trust(["repo"], null)).code).toMatchObject({ code: "denied" });
    expect((await trust(["repo"], "0000000x")).code).toMatchObject({ code: "conflict" });
    expect((await trust(["--list"], "")).lines).toEqual(["no repository is trusted"]);
  });

  it("lets hooks run, until one of them or the configuration changes", async () => {
    hook("pre-commit", `echo ran >> ${join(ground.base, "ran")}; echo more > more.txt; git add more.txt`);
    hook("commit-msg", 'echo "and a line" >> "$1"');
    await commit();
    expect(existsSync(join(ground.base, "ran"))).toBe(false);

    const shown = await trust(["repo"], (await digest()).slice(0, 8));
    expect(shown.code).toBe(0);
    expect(shown.lines).toEqual(
      expect.arrayContaining([
        "  hooks/pre-commit",
        "  hooks/commit-msg",
        "  config",
        `digest  ${await digest()}`,
      ]),
    );
    expect(await commit()).toMatchObject({ effects: { files: ["a.txt", "more.txt"] } });
    expect(readFileSync(join(ground.base, "ran"), "utf8")).toBe("ran\n");
    expect(ground.git(repo, "log", "-1", "--format=%B")).toMatch(/^change a\s+and a line\s*$/);

    ground.git(repo, "config", "alias.x", "status");
    expect((await trust(["--list"], "")).lines).toEqual([
      expect.stringMatching(/repo\/\.git {2}by user:ann at .* changed since: not trusted any more$/),
    ]);
    await commit();
    expect(readFileSync(join(ground.base, "ran"), "utf8")).toBe("ran\n");
  });

  it("a hook that refuses keeps the commit from being made, and says why", async () => {
    hook("pre-commit", "echo 'the style is off' >&2; exit 3");
    expect((await trust(["repo"], (await digest()).slice(0, 8))).code).toBe(0);
    const before = ground.git(repo, "rev-parse", "HEAD");
    ground.write(repo, { "a.txt": "refused\n" });
    expect(await bench.refused("commit_changes", { repo, paths: ["a.txt"], message: "m" })).toMatchObject({
      code: "denied",
      message: expect.stringContaining("the style is off"),
    });
    expect(ground.git(repo, "rev-parse", "HEAD")).toBe(before);
  });

  it("opens a repository that pulls in other files, which is closed without it", async () => {
    const closed = ground.repository(join(ground.app, "closed"));
    ground.git(closed, "config", "include.path", "../more");
    expect(await bench.refused("get_repo_status", { repo: closed })).toMatchObject({
      code: "denied",
      hint: expect.stringContaining("slipway git trust"),
    });
    const { digest: code } = await codeOf(closed);
    expect((await trust([closed], code.slice(0, 8))).code).toBe(0);
    expect(await bench.must("get_repo_status", { repo: closed })).toMatchObject({ branch: "main" });
    expect((await trust(["--revoke", closed], "")).code).toBe(0);
    expect(await bench.refused("get_repo_status", { repo: closed })).toMatchObject({ code: "denied" });
  });

  it("ends when an included file changes, or a hook becomes executable", async () => {
    const folder = ground.repository(join(ground.app, "including"));
    const put = (name: string, text: string): void => writeFileSync(join(folder, name), text);
    put(".git/config", `${readFileSync(join(folder, ".git/config"), "utf8")}[include]\n\tpath = ../one\n`);
    put("one", '[includeIf "onbranch:later"]\n\tpath = sub/two\n');
    mkdirSync(join(folder, "sub"));
    put("sub/two", "[alias]\n\tx = status\n");
    put(".git/hooks/pre-commit", "#!/bin/sh\n");
    const { files, digest: first } = await codeOf(folder);
    expect(files).toEqual([join(folder, "one"), join(folder, "sub/two"), "config", "hooks/pre-commit"]);
    put("sub/two", "[alias]\n\tx = stash\n");
    const { digest: second } = await codeOf(folder);
    chmodSync(join(folder, ".git/hooks/pre-commit"), 0o755);
    const { digest: third } = await codeOf(folder);
    expect(new Set([first, second, third]).size).toBe(3);
  });

  it("is taken from a repository that no longer opens", async () => {
    const broken = ground.repository(join(ground.app, "broken"));
    const { digest: code } = await codeOf(broken);
    expect((await trust([broken], code.slice(0, 8))).code).toBe(0);
    rmSync(join(broken, ".git"), { recursive: true });
    expect((await trust(["--revoke", broken], "")).lines).toEqual([`${broken}/.git is no longer trusted`]);
  });

  it("is on record", async () => {
    expect((await bench.eventTypes()).filter((type) => type.startsWith("repository."))).toEqual([
      "repository.trusted",
      "repository.trusted",
      "repository.trusted",
      "repository.distrusted",
      "repository.trusted",
      "repository.distrusted",
    ]);
  });
});
