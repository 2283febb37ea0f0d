import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import { parseMergeBatch } from "../domain/conflict-matrix.ts";
import type { GitPath } from "../domain/path.ts";
import { parsePatchLines, type SideDiff } from "../domain/symbols.ts";

const TIMEOUT_MS = 40_000;

/**
 * Merges every pair in memory, in one process; for each its conflicted paths. Histories that never met are merged as if
 * both had begun empty.
 */
export async function mergePairs(
  git: GitContext,
  pairs: readonly (readonly [string, string])[],
  signal: AbortSignal,
): Promise<readonly (readonly GitPath[])[]> {
  if (pairs.length === 0) return [];
  const command = gitCommand("merge_tree", [
    "--stdin",
    "--name-only",
    "--no-messages",
    "--allow-unrelated-histories",
  ]);
  const { stdout, stderr } = await runGit(git, command, {
    input: pairs.map(([a, b]) => `${a} ${b}\n`).join(""),
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  const results = parseMergeBatch(stdout.toString("latin1"), pairs.length);
  if (results !== undefined) return results;
  throw new DomainError("invalid_state", "git could not merge every pair", {
    hint: "name fewer branches, to find the one that is damaged",
    cause: stderr,
  });
}

const MAX_PATCH_BYTES = 2 * 1024 * 1024;

/** The changed lines of a line of work since a commit. */
export async function readSide(
  git: GitContext,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<SideDiff> {
  const command = gitCommand("diff", ["--patch", "--unified=0", "--no-renames"], { revisions: [from, to] });
  const { stdout } = await runGit(git, command, { signal, maxBytes: MAX_PATCH_BYTES });
  return parsePatchLines(stdout.toString("utf8"));
}

/** A commit that all of these have in common; undefined where there is none. */
export async function commonBase(git: GitContext, commits: readonly string[]): Promise<string | undefined> {
  const { code, stdout } = await runGit(git, gitCommand("merge_base", ["--octopus"], { revisions: commits }));
  return code === 0 ? stdout.toString("utf8").trim() : undefined;
}

const HISTORY_COMMITS = 1000;
// A commit that touches everything (a new formatter, a licence header) says nothing about what belongs together.
const MAX_FILES_OF_COMMIT = 50;

/** The files of the last commits, merges left out. */
export async function readChangedTogether(
  git: GitContext,
  signal: AbortSignal,
): Promise<readonly (readonly GitPath[])[]> {
  const command = gitCommand(
    "log",
    ["--name-only", "-z", "--format=%x00", "--no-merges", "--no-renames", `--max-count=${HISTORY_COMMITS}`],
    { revisions: ["HEAD"] },
  );
  const { code, stdout } = await runGit(git, command, { signal });
  if (code !== 0) return [];
  // Between two commits stands an empty format, between its files a NUL.
  return stdout
    .toString("latin1")
    .split("\0\0")
    .map((commit) =>
      commit
        .split("\0")
        .map((path) => path.replace(/^\n/, ""))
        .filter((path) => path !== ""),
    )
    .filter((files) => files.length > 0 && files.length <= MAX_FILES_OF_COMMIT);
}
