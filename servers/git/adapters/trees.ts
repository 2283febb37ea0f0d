import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import { runGit, type GitPlace } from "../../../kernel/git/run.ts";
import { parseChanges, type FileChange } from "../domain/diff.ts";
import { parseMergeTree, type SimulatedMerge } from "../domain/merge.ts";
import type { GitPath } from "../domain/path.ts";
import { parseStatus, type Status } from "../domain/status.ts";
import { unwritable } from "./unwritable.ts";

const MAX_LIST_BYTES = 32 * 1024 * 1024;

/** The worktree's state with every untracked file; ignored ones are left out. */
export async function readStatus(git: GitPlace, signal?: AbortSignal): Promise<Status> {
  const command = gitCommand("status", ["--porcelain=v2", "--branch", "-z", "--untracked-files=all"]);
  const { code, stdout, stderr, truncated } = await runGit(git, command, {
    signal,
    maxBytes: MAX_LIST_BYTES,
  });
  if (truncated) throw tooMany();
  if (code !== 0) throw damaged(stderr);
  return parseStatus(stdout.toString("latin1"));
}

/** What differs between two commits or trees; with one id, between it and the working tree's tracked files. */
export async function readChanges(
  git: GitPlace,
  ids: readonly string[],
  paths?: readonly string[],
  signal?: AbortSignal,
): Promise<readonly FileChange[]> {
  const command = gitCommand("diff", ["--raw", "--numstat", "-z", "--no-renames"], {
    revisions: ids,
    paths: paths ?? [],
  });
  const { code, stdout, stderr, truncated } = await runGit(git, command, {
    signal,
    maxBytes: MAX_LIST_BYTES,
  });
  if (truncated) throw tooMany();
  if (code !== 0) throw damaged(stderr);
  return parseChanges(stdout.toString("latin1"));
}

/** The tree with nothing in it, in the repository's own object format. */
export async function emptyTree(git: GitPlace): Promise<string> {
  const { stdout } = await runGit(git, gitCommand("hash_object", ["-ttree", "-w", "--stdin"]));
  return stdout.toString("utf8").trim();
}

/**
 * Merges two commits in memory. Writes objects that nothing refers to; no ref, index or file changes.
 * @throws {DomainError} invalid_state when the two share no history.
 */
export async function simulateMerge(
  git: GitPlace,
  target: string,
  source: string,
  signal?: AbortSignal,
): Promise<SimulatedMerge> {
  const command = gitCommand("merge_tree", ["-z", "--no-messages"], { revisions: [target, source] });
  const { code, stdout, stderr, truncated } = await runGit(git, command, {
    signal,
    maxBytes: MAX_LIST_BYTES,
  });
  if (truncated) throw tooMany();
  if (stderr.includes("unrelated histories")) {
    throw new DomainError("invalid_state", "source and target have no common history", {
      hint: "check that both belong to one project",
    });
  }
  const merged = code === 0 || code === 1 ? parseMergeTree(stdout.toString("latin1"), code === 0) : undefined;
  if (merged === undefined) throw unwritable(stderr) ?? damaged(stderr);
  return merged;
}

const MAX_CONFLICT_BYTES = 16 * 1024 * 1024;

/** Files of a tree by path, one character per byte; those that are not there, or beyond 16 MiB in all, are left out. */
export async function readBlobs(
  git: GitPlace,
  tree: string,
  paths: readonly GitPath[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<GitPath, string>> {
  const asked = paths.filter((path) => !path.includes("\n"));
  const input = Buffer.from(asked.map((path) => `${tree}:${path}\n`).join(""), "latin1");
  const { stdout } = await runGit(git, gitCommand("cat_file", ["--batch"]), {
    input,
    signal,
    maxBytes: MAX_CONFLICT_BYTES,
  });
  const texts = new Map<GitPath, string>();
  let at = 0;
  for (const path of asked) {
    const end = stdout.indexOf(10, at);
    if (end === -1) break;
    const size = Number(/^[0-9a-f]+ blob (\d+)$/.exec(stdout.toString("latin1", at, end))?.[1] ?? Number.NaN);
    at = end + 1;
    if (Number.isNaN(size)) continue;
    if (at + size > stdout.length) break;
    texts.set(path, stdout.toString("latin1", at, at + size));
    at += size + 1;
  }
  return texts;
}

function tooMany(): DomainError {
  return new DomainError("limit", "there are too many files to list", {
    hint: "name paths, or ignore generated folders in .gitignore",
  });
}

function damaged(stderr: string): DomainError {
  return new DomainError("invalid_state", "git cannot read the repository", {
    hint: "run `git fsck` there to see what is damaged",
    cause: stderr,
  });
}
