import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand, type GitFlag } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import { LOG_FORMAT, parseBlame, parseLog, type BlamedLine, type LoggedCommit } from "../domain/history.ts";

export interface LogRequest {
  /** Object id of the commit to begin with. */
  readonly start: string;
  readonly skip: number;
  readonly count: number;
  readonly paths: readonly string[];
  /** Only commits whose message holds this text, in any case. */
  readonly message?: string | undefined;
  /** Only commits that change how often this text occurs in a file. */
  readonly content?: string | undefined;
}

/** Commits from `start` backwards, newest first. */
export async function readLog(
  git: GitContext,
  { start, skip, count, paths, message, content }: LogRequest,
  signal: AbortSignal,
): Promise<readonly LoggedCommit[]> {
  const flags: GitFlag<"log">[] = [
    "-z",
    `--format=${LOG_FORMAT}`,
    `--skip=${skip}`,
    `--max-count=${count}`,
    ...(message === undefined
      ? []
      : (["--fixed-strings", "--regexp-ignore-case", `--grep=${message}`] as const)),
    ...(content === undefined ? [] : ([`-S${content}`] as const)),
  ];
  const { code, stdout, stderr } = await runGit(
    git,
    gitCommand("log", flags, { revisions: [start], paths }),
    { signal },
  );
  if (code !== 0) throw unreadable(stderr);
  return parseLog(stdout.toString("utf8"));
}

/** The whole message of one commit. */
export async function readMessage(git: GitContext, commit: string): Promise<string> {
  const command = gitCommand("log", ["--format=%B", "--max-count=1"], { revisions: [commit] });
  const { stdout } = await runGit(git, command, { maxBytes: 1024 * 1024 });
  return stdout.toString("utf8").trimEnd();
}

/**
 * Who wrote which line; at most `count` lines from line `from` on, 1-based. Empty past the end of the file.
 * @throws {DomainError} not_found when the commit has no such file.
 */
export async function readBlame(
  git: GitContext,
  request: { readonly commit: string; readonly path: string; readonly from: number; readonly count: number },
  signal: AbortSignal,
): Promise<readonly BlamedLine[]> {
  const command = gitCommand("blame", ["--porcelain", `-L${request.from},+${request.count}`], {
    revisions: [request.commit],
    paths: [request.path],
  });
  const { code, stdout, stderr } = await runGit(git, command, { signal });
  if (code === 0) return parseBlame(stdout.toString("utf8"));
  if (stderr.includes("has only")) return [];
  if (stderr.includes("no such path")) {
    throw new DomainError("not_found", "the commit has no such file", {
      hint: "give a path relative to the worktree's top folder",
      cause: stderr,
    });
  }
  throw unreadable(stderr);
}

/** Whether the history ends where a shallow clone was cut, and not where the project began. */
export function isShallow(git: GitContext): Promise<boolean> {
  return lstat(join(git.commonDir, "shallow")).then(
    () => true,
    () => false,
  );
}

function unreadable(cause: string): DomainError {
  if (cause.includes("outside repository"))
    return new DomainError("denied", "a path lies outside the worktree", {
      hint: "give paths relative to the worktree's top folder",
      cause,
    });
  return new DomainError("invalid_state", "git cannot read this history", {
    hint: "run `git fsck` there to see what is damaged",
    cause,
  });
}
