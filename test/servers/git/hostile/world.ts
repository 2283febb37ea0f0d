import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitPlayground, type GitPlayground } from "../../../support/git-repository.ts";

/** Repositories below an allowed root, a folder beside it that is nobody's business, and a place where payloads show. */
export interface HostileWorld {
  readonly ground: GitPlayground;
  readonly app: string;
  readonly outside: string;
  /** Stands in files and commits outside the root: whoever shows it has read there. */
  readonly secret: string;
  /** A shell command that leaves its mark. */
  readonly payload: string;
  /** An executable file that does the same. */
  readonly program: string;
  /**
   * A new copy of a repository: branches main (checked out), other (conflicts with main in a.txt), clean (adds n.txt),
   * and a remote origin below the root.
   */
  repository(): string;
  /** Writes a file of a repository, its folders too; `.git/config` is added to. */
  put(repo: string, path: string, text: string | Uint8Array): void;
  /** Whether a payload ran since the last look. */
  hasRun(): boolean;
  /** Whether anything outside the root changed since the last look. */
  hasWritten(): boolean;
  dispose(): void;
}

export function hostileWorld(): HostileWorld {
  const ground = gitPlayground();
  const { app, outside, base } = ground;
  const secret = "the-secret-of-the-folder-outside";
  const executed = join(base, "executed");
  const program = join(base, "payload.sh");
  mkdirSync(executed);
  writeFileSync(program, `#!/bin/sh\ntouch ${executed}/x\nexit 1\n`, { mode: 0o755 });
  writeFileSync(join(outside, "secret.txt"), `${secret}\n`);
  const elsewhere = ground.repository(join(outside, "repo"), { "a.txt": `${secret}\n` });
  ground.git(elsewhere, "commit", "--quiet", "--allow-empty", `--message=${secret}`);

  const template = makeTemplate(ground);
  let number = 0;
  let seen = fingerprint(outside);
  return {
    ground,
    app,
    outside,
    secret,
    payload: `touch ${executed}/x`,
    program,
    repository() {
      number += 1;
      const copy = join(app, `r${number}`);
      cpSync(template, copy, { recursive: true });
      return copy;
    },
    put(repo, path, text) {
      const file = join(repo, path);
      mkdirSync(join(file, ".."), { recursive: true });
      writeFileSync(file, path === ".git/config" ? `${readFileSync(file, "utf8")}${String(text)}\n` : text);
    },
    hasRun() {
      const found = readdirSync(executed).length > 0;
      for (const name of readdirSync(executed)) rmSync(join(executed, name));
      return found;
    },
    hasWritten() {
      const now = fingerprint(outside);
      const isOther = now !== seen;
      seen = now;
      return isOther;
    },
    dispose: () => ground.dispose(),
  };
}

function makeTemplate(ground: GitPlayground): string {
  const template = ground.repository(join(ground.base, "template"), {
    "a.txt": "1\n2\n3\n",
    "b.txt": "one\n",
    "dir/c.txt": "c\n",
  });
  const git = (...args: readonly string[]): string => ground.git(template, ...args);
  const commit = (branch: string, files: Readonly<Record<string, string>>): void => {
    git("switch", "--quiet", ...(branch === "main" ? [] : ["--create"]), branch);
    ground.write(template, files);
    git("add", "--all");
    git("commit", "--quiet", `--message=${branch} goes on`);
  };
  commit("other", { "a.txt": "1\ntheirs\n3\n" });
  git("switch", "--quiet", "main");
  commit("clean", { "n.txt": "new\n" });
  commit("main", { "a.txt": "1\nours\n3\n" });
  const bare = join(ground.app, "origin.git");
  ground.git(ground.base, "clone", "--quiet", "--bare", template, bare);
  git("remote", "add", "origin", bare);
  return template;
}

/** Everything below a folder that a write would change. */
function fingerprint(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const { size, mtimeMs, mode } = statSync(join(folder, name));
      return `${name}:${size}:${mtimeMs}:${mode}`;
    })
    .join("\n");
}
