import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A folder for one test file: an allowed root `app`, a folder `outside` it, an empty home. Removed by `dispose`. */
export interface GitPlayground {
  readonly base: string;
  readonly app: string;
  readonly outside: string;
  readonly home: string;
  /** Runs plain git, the way a person would: hooks, filters and all. */
  git(directory: string, ...args: readonly string[]): string;
  /**
   * Makes a repository on branch main with one commit of `files`, and with `more` done to it. It is a copy where one of
   * the same files and the same name was made before.
   */
  repository(path: string, files?: Readonly<Record<string, string>>, more?: MoreHistory): string;
  write(folder: string, files: Readonly<Record<string, string>>): void;
  dispose(): void;
}

/** What is done to a new repository; `name` tells one such thing from another. */
interface MoreHistory {
  readonly name: string;
  make(folder: string): void;
}

export function gitPlayground(): GitPlayground {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "slipway-git-")));
  const [app, outside, home] = [join(base, "app"), join(base, "outside"), join(base, "home")];
  for (const folder of [app, outside, home]) mkdirSync(folder);
  const env = {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: home,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_AUTHOR_NAME: "Ann",
    GIT_AUTHOR_EMAIL: "ann@example.org",
    GIT_COMMITTER_NAME: "Ann",
    GIT_COMMITTER_EMAIL: "ann@example.org",
    // Nothing here outlives its test, so git need not wait for the disk nor tidy up.
    GIT_CONFIG_COUNT: "2",
    GIT_CONFIG_KEY_0: "core.fsync",
    GIT_CONFIG_VALUE_0: "none",
    GIT_CONFIG_KEY_1: "maintenance.auto",
    GIT_CONFIG_VALUE_1: "false",
  };
  const git = (directory: string, ...args: readonly string[]): string =>
    execFileSync("git", args, {
      cwd: directory,
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trimEnd();
  const write = (folder: string, files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  };
  // Three processes for the first of each kind; the others are copies of it.
  const made = new Map<string, string>();
  const make = (files: Readonly<Record<string, string>>): string => {
    const path = mkdtempSync(join(base, "made-"));
    mkdirSync(join(path, ".git/hooks"), { recursive: true });
    git(path, "init", "--quiet", "--initial-branch=main", "--template=");
    write(path, files);
    git(path, "add", "--all");
    git(path, "commit", "--quiet", "--message=first");
    return path;
  };
  return {
    base,
    app,
    outside,
    home,
    git,
    write,
    repository(path, files = { "readme.md": "one\n" }, more) {
      const kind = JSON.stringify([files, more?.name]);
      let model = made.get(kind);
      if (model === undefined) {
        model = make(files);
        more?.make(model);
        made.set(kind, model);
      }
      cpSync(model, path, { recursive: true, preserveTimestamps: true });
      return path;
    },
    dispose: () => rmSync(base, { recursive: true, force: true }),
  };
}
