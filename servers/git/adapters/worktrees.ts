import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import { isPassing, listWorktrees, onWorktrees } from "./checkout.ts";
import { porcelain } from "./porcelain.ts";
import { countCommits, jitter, readRef, swapRef } from "./refs.ts";

export interface NewWorktree {
  readonly path: string;
  readonly branch: string;
  /** Object id the branch starts from, or is at. */
  readonly base: string;
  /** Whether the branch has to be made. */
  readonly isNew: boolean;
  /** Without a branch, at `base`. Default false. */
  readonly isDetached?: boolean;
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
      const command =
        wanted.isDetached === true
          ? gitCommand("worktree_add", ["--quiet", "--detach"], { revisions: [wanted.path, wanted.base] })
          : wanted.isNew
            ? gitCommand("worktree_add", ["--no-track", "--quiet", `-b${wanted.branch}`], {
                revisions: [wanted.path, wanted.base],
              })
            : gitCommand("worktree_add", ["--quiet"], { revisions: [wanted.path, wanted.branch] });
      const made = await porcelain(git, command, { signal });
      if (made.ok) return;
      stderr = made.stderr;
      if (/already exists|already checked out|already used by/.test(stderr)) {
        // Another process was faster. The branch is its own and stays.
        await discardWorktree(git, { ...wanted, isNew: false });
        throw new DomainError(
          "conflict",
          `the branch ${wanted.branch} has just been taken by somebody else`,
          {
            hint: "list_worktrees shows by whom; choose another name",
            cause: stderr,
          },
        );
      }
      await discardWorktree(git, wanted);
      if (!isPassing(stderr)) break;
      await pause(jitter(attempt));
    }
  } catch (error) {
    if (!(error instanceof DomainError && error.code === "conflict")) await discardWorktree(git, wanted);
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
  await forget(git, wanted.path);
  if (!wanted.isNew) return;
  const ref = `refs/heads/${wanted.branch}`;
  // Only at its first commit: what somebody has built on it since is theirs.
  if ((await readRef(git, ref)) === wanted.base && !(await isCheckedOut(git, wanted.branch))) {
    await swapRef(git, { ref, from: wanted.base, to: null }, "worktree: undone");
  }
}

/** Removes a worktree with all its files, and its administrative entry; the branch stays. */
export async function deleteWorktree(git: GitContext, path: string): Promise<void> {
  const removed = await onWorktrees(git, gitCommand("worktree_remove", ["--force"], { revisions: [path] }));
  if (removed.ok) return;
  // git leaves what it does not own, such as a nested repository. The caller has decided that it may go.
  await rm(path, { recursive: true, force: true });
  await forget(git, path);
}

/**
 * Removes git's notes on one worktree whose folder is gone. `git worktree prune` would also take those that another
 * process is just writing.
 */
async function forget(git: GitContext, path: string): Promise<void> {
  const notes = join(git.commonDir, "worktrees");
  const names = await readdir(notes).catch((): string[] => []);
  for (const name of names) {
    const pointer = await readFile(join(notes, name, "gitdir"), "utf8").catch(() => "");
    // Without a pointer it is ours only by its name, which git takes from the folder and we never use twice.
    const isOurs = pointer === "" ? name === basename(path) : pointer.trim() === join(path, ".git");
    if (isOurs) await rm(join(notes, name), { recursive: true, force: true });
  }
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
