import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import { listWorktrees } from "./checkout.ts";
import { porcelain } from "./porcelain.ts";
import { countCommits, jitter, readRef, swapRef } from "./refs.ts";

export interface NewWorktree {
  readonly path: string;
  readonly branch: string;
  /** Object id the branch starts from, or is at. */
  readonly base: string;
  /** Whether the branch has to be made. */
  readonly isNew: boolean;
}

/**
 * Makes a worktree; all or nothing. Colliding processes are met by trying again, because git locks as it writes.
 * @throws {DomainError} unavailable when it cannot be made; nothing is left behind then.
 */
export async function createWorktree(
  git: GitContext,
  wanted: NewWorktree,
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(dirname(wanted.path), { recursive: true, mode: 0o700 });
  let stderr = "";
  try {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const command = wanted.isNew
        ? gitCommand("worktree_add", ["--no-track", "--quiet", `-b${wanted.branch}`], {
            revisions: [wanted.path, wanted.base],
          })
        : gitCommand("worktree_add", ["--quiet"], { revisions: [wanted.path, wanted.branch] });
      const made = await porcelain(git, command, { signal });
      if (made.ok) return;
      stderr = made.stderr;
      await discardWorktree(git, wanted);
      if (!/\.lock|could not lock|File exists/i.test(stderr)) break;
      await pause(jitter(attempt));
    }
  } catch (error) {
    await discardWorktree(git, wanted);
    throw error;
  }
  throw new DomainError("unavailable", `the worktree for ${wanted.branch} could not be made`, {
    hint: "check free disk space and permissions; nothing was left behind",
    cause: stderr,
  });
}

/** Removes whatever a failed or killed creation left: folder, administrative entry, and the branch where it was new. */
export async function discardWorktree(git: GitContext, wanted: NewWorktree): Promise<void> {
  await rm(wanted.path, { recursive: true, force: true });
  await porcelain(git, gitCommand("worktree_prune"));
  if (!wanted.isNew) return;
  const ref = `refs/heads/${wanted.branch}`;
  // Only at its first commit: what somebody has built on it since is theirs.
  if ((await readRef(git, ref)) === wanted.base && !(await isCheckedOut(git, wanted.branch))) {
    await swapRef(git, { ref, from: wanted.base, to: null }, "worktree: undone");
  }
}

/** Removes a worktree with all its files, and its administrative entry; the branch stays. */
export async function deleteWorktree(git: GitContext, path: string): Promise<void> {
  const removed = await porcelain(git, gitCommand("worktree_remove", ["--force"], { revisions: [path] }));
  if (removed.ok) return;
  // git leaves what it does not own, such as a nested repository. The caller has decided that it may go.
  await rm(path, { recursive: true, force: true });
  await porcelain(git, gitCommand("worktree_prune"));
}

export async function isCheckedOut(git: GitContext, branch: string): Promise<boolean> {
  return (await listWorktrees(git)).some((entry) => entry.branch === branch);
}

/** How many commits of the base, or of the branch it follows, the worktree's first commit lacks. */
export async function commitsBehind(git: GitContext, head: string, base: string): Promise<number> {
  const { code, stdout } = await runGit(
    git,
    gitCommand("rev_parse", ["--verify", "--quiet"], { revisions: [`${base}@{upstream}`] }),
  );
  const upstream = code === 0 ? stdout.toString("utf8").trim() : await git.resolveCommit(base);
  return countCommits(git, head, upstream);
}

/** Whether any branch or tag holds this commit, so that it outlives a detached worktree. */
export async function isKept(git: GitContext, commit: string): Promise<boolean> {
  const { stdout } = await runGit(
    git,
    gitCommand("for_each_ref", ["--count=1", "--format=%(refname)", `--contains=${commit}`]),
  );
  return stdout.length > 0;
}
