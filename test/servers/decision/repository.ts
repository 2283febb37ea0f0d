import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A real repository in a temporary folder, with dates that the test chooses. */
export interface Repository {
  readonly path: string;
  git(...argv: readonly string[]): string;
  write(path: string, content: string | Uint8Array): void;
  /** Commits everything; returns the object id. Each commit is a day younger than the one before, or `days`. */
  commit(message: string, author?: string, days?: number): string;
  remove(): void;
}

const FIRST_DAY = Date.UTC(2026, 0, 1) / 1_000;

export function makeRepository(): Repository {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "slipway-decision-")));
  let day = 0;
  const git = (...argv: readonly string[]): string => run(path, argv, "ann@example.com", FIRST_DAY);
  git("init", "--quiet", "--initial-branch=main");
  return {
    path,
    git,
    write(name, content) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    },
    commit(message, author = "ann@example.com", days = 1) {
      day += days;
      git("add", "--all");
      run(path, ["commit", "--quiet", "--allow-empty", "-m", message], author, FIRST_DAY + day * 86_400);
      return git("rev-parse", "HEAD");
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

function run(cwd: string, argv: readonly string[], author: string, seconds: number): string {
  const date = `@${seconds} +0000`;
  return execFileSync("git", [...argv], {
    cwd,
    encoding: "utf8",
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: cwd,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "T",
      GIT_COMMITTER_NAME: "T",
      GIT_AUTHOR_EMAIL: author,
      GIT_COMMITTER_EMAIL: author,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_DATE: date,
    },
  }).trim();
}
