import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand, type GitArguments } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { showPath, type GitPath } from "../domain/path.ts";
import { dirtyPaths, IN_PROGRESS } from "../domain/status.ts";
import { parseWorktrees, type WorktreeEntry } from "../domain/worktree.ts";
import type { GitHost } from "./host.ts";
import { isIndexLocked, runOnIndex } from "./index-lock.ts";
import { porcelain, type PorcelainResult } from "./porcelain.ts";
import { jitter } from "./refs.ts";
import { readChanges, readStatus } from "./trees.ts";

/**
 * Runs a command that reads the notes git keeps on every worktree, again when it stumbled over those that another
 * process was just writing.
 */
export async function onWorktrees(git: GitContext, command: GitArguments): Promise<PorcelainResult> {
  let result = await porcelain(git, command);
  for (let attempt = 0; attempt < 20 && !result.ok && isPassing(result.stderr); attempt += 1) {
    await pause(jitter(attempt));
    result = await porcelain(git, command);
  }
  return result;
}

/** Whether git failed over a lock or a half-written file of another process. */
export function isPassing(stderr: string): boolean {
  return /\.lock|could not lock|File exists|failed to read \S*worktrees\//i.test(stderr);
}

/** Every worktree of the repository, the main one first. */
export async function listWorktrees(git: GitContext): Promise<readonly WorktreeEntry[]> {
  const listed = await onWorktrees(git, gitCommand("worktree_list", ["--porcelain", "-z"]));
  if (!listed.ok) throw new Error(`worktree list failed: ${listed.stderr}`);
  return parseWorktrees(listed.text);
}

/**
 * The worktree that has this branch checked out, opened; undefined when none has.
 * @throws {DomainError} denied when it lies outside the allowed roots: it could not be kept in step.
 */
export async function checkoutOf(
  host: GitHost,
  git: GitContext,
  branch: string,
): Promise<GitContext | undefined> {
  const entry = (await listWorktrees(git)).find(
    (candidate) => candidate.branch === branch && !candidate.prunable,
  );
  return entry === undefined ? undefined : host.open(entry.path);
}

/** What git left open in a worktree (merge, rebase, …), or undefined. */
export async function openOperation(git: GitContext): Promise<string | undefined> {
  for (const [mark, operation] of IN_PROGRESS) {
    if (await exists(join(git.gitDir, mark))) return operation;
  }
  return undefined;
}

/**
 * Makes sure that a worktree can go from one commit to another without touching anybody's unsaved work. Changes nothing.
 * @throws {DomainError} invalid_state naming the files in the way.
 */
export async function assertMovable(checkout: GitContext, from: string, to: string): Promise<void> {
  const open = await openOperation(checkout);
  if (open !== undefined) {
    throw new DomainError("invalid_state", `a ${open} is in progress in ${checkout.worktree}`, {
      hint: `finish or abort the ${open} there, then call again`,
    });
  }
  const changes = await readChanges(checkout, [from, to]);
  const touched = changes.map((change) => change.path);
  const dirty = dirtyPaths(await readStatus(checkout));
  const inTheWay = new Set(touched.filter((path) => dirty.has(path)));
  for (const path of dirty)
    if (touched.some((other) => isFolderOf(path, other) || isFolderOf(other, path))) inTheWay.add(path);
  for (const { path, status } of changes) {
    // An ignored file is in no list, and would be overwritten all the same.
    if (status === "added" && (await exists(fileOf(checkout, path)))) inTheWay.add(path);
  }
  if (inTheWay.size > 0) throw wouldOverwrite(checkout, [...inTheWay]);
  if (!(await refreshStat(checkout))) throw locked(checkout);
  const trial = await runOnIndex(
    checkout,
    gitCommand("read_tree", ["-m", "-u", "--dry-run"], { revisions: [from, to] }),
  );
  if (isIndexLocked(trial)) throw locked(checkout);
  if (trial.code !== 0) throw wouldOverwrite(checkout, touched);
}

/** Moves index and files of a worktree; keeps what differs from neither commit. False when something is in the way. */
export async function moveCheckout(checkout: GitContext, from: string, to: string): Promise<boolean> {
  await refreshStat(checkout);
  const { code } = await runOnIndex(
    checkout,
    gitCommand("read_tree", ["-m", "-u"], { revisions: [from, to] }),
  );
  return code === 0;
}

/** Names for a message, at most five. */
export function nameSome(paths: readonly GitPath[]): string {
  const shown = paths.slice(0, 5).map(showPath).join(", ");
  return paths.length > 5 ? `${shown} and ${paths.length - 5} more` : shown;
}

/**
 * Tells git which files are unchanged although they were touched; otherwise it would take them for edited ones.
 * False when the index stays locked.
 */
async function refreshStat(checkout: GitContext): Promise<boolean> {
  return !isIndexLocked(await runOnIndex(checkout, gitCommand("update_index", ["-q", "--refresh"])));
}

function locked(checkout: GitContext): DomainError {
  return new DomainError("unavailable", `another process holds index.lock in ${checkout.worktree}`, {
    hint: "call again; if no git is running there, the lock is stale and a person removes it",
  });
}

function wouldOverwrite(checkout: GitContext, paths: readonly GitPath[]): DomainError {
  return new DomainError(
    "invalid_state",
    `unsaved work in ${checkout.worktree} is in the way: ${nameSome(paths)}`,
    {
      hint: "commit, move or remove these files there, then call again; nothing was changed",
    },
  );
}

function isFolderOf(folder: GitPath, path: GitPath): boolean {
  return path.startsWith(`${folder}/`);
}

function fileOf(checkout: GitContext, path: GitPath): Buffer {
  return Buffer.concat([Buffer.from(`${checkout.worktree}/`), Buffer.from(path, "latin1")]);
}

function exists(file: string | Buffer): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}
