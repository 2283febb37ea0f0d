import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import { dirtyPaths } from "../domain/status.ts";
import { readRef, swapRef, writeCommit } from "./refs.ts";
import { readStatus } from "./trees.ts";

/** Keeps what an operation put aside; no branch, and never pushed. */
export function snapshotRef(operationId: string): string {
  return `refs/slipway/undo/${operationId}`;
}

/**
 * Saves the unsaved work of a worktree, untracked files too but not ignored ones, as a commit kept for this operation.
 * Neither files nor index change. Undefined where there is nothing unsaved.
 * @param scratch A folder for files of one call.
 * @throws {DomainError} unavailable when it cannot be saved: the operation must not go on then.
 */
export async function takeSnapshot(
  git: GitContext,
  operationId: string,
  at: number,
  scratch: string,
): Promise<string | undefined> {
  const commit = await writeSnapshot(git, operationId, at, scratch);
  if (commit === undefined) return undefined;
  const ref = snapshotRef(operationId);
  await swapRef(git, { ref, from: await readRef(git, ref), to: commit }, "snapshot: by slipway");
  return commit;
}

/** The same without a ref that keeps it: git may clean it away after two weeks. */
export async function writeSnapshot(
  git: GitContext,
  name: string,
  at: number,
  scratch: string,
): Promise<string | undefined> {
  const status = await readStatus(git);
  if (dirtyPaths(status).size === 0 || status.head === null) return undefined;
  const index = join(scratch, `${name}.snapshot.index`);
  const env = { GIT_INDEX_FILE: index };
  try {
    // With the times git noted in it, only what has changed is read again.
    await copyFile(join(git.gitDir, "index"), index).catch(() => undefined);
    const added = await runGit(git, gitCommand("add", ["--all"]), { env });
    const written = await runGit(git, gitCommand("write_tree"), { env });
    if (added.code !== 0 || written.code !== 0) {
      throw new DomainError("unavailable", "the unsaved work could not be saved; nothing was changed", {
        hint: "check that its files can be read and that the disk has room",
        cause: added.stderr + written.stderr,
      });
    }
    const tree = written.stdout.toString("utf8").trim();
    return await writeCommit(git, { tree, parents: [status.head], message: "unsaved work\n", at });
  } finally {
    await Promise.all([index, `${index}.lock`].map((file) => rm(file, { force: true })));
  }
}

/** Puts the files of a snapshot back into a worktree that is clean and at the snapshot's parent. */
export async function restoreSnapshot(git: GitContext, snapshot: string, scratch: string): Promise<void> {
  const index = join(scratch, `${snapshot}.restore.index`);
  const env = { GIT_INDEX_FILE: index };
  try {
    await copyFile(join(git.gitDir, "index"), index);
    const put = await runGit(
      git,
      gitCommand("read_tree", ["-m", "-u"], { revisions: [`${snapshot}^`, snapshot] }),
      { env },
    );
    if (put.code !== 0) throw new Error(`the snapshot could not be put back: ${put.stderr}`);
  } finally {
    await Promise.all([index, `${index}.lock`].map((file) => rm(file, { force: true })));
  }
}
