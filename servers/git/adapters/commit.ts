import { lstat, readlink, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import { isInside } from "../../../kernel/roots.ts";
import type { FileChange } from "../domain/diff.ts";
import { gitPath, showPath, type GitPath } from "../domain/path.ts";
import { runHook } from "./hooks.ts";
import { runOnIndex } from "./index-lock.ts";
import { emptyTree, readChanges } from "./trees.ts";
import { unwritable } from "./unwritable.ts";

/**
 * Writes the tree that `head` becomes with exactly the named paths as they are in the worktree. Works in a private
 * index, so that what others have staged neither gets in nor is disturbed. In a trusted repository its pre-commit hook
 * runs on that index, and may change it.
 * @param head null before the first commit.
 * @throws {DomainError} invalid for a path that matches nothing, is ignored, or lies in a submodule or behind a link.
 */
export async function stageTree(
  git: GitContext,
  head: string | null,
  paths: readonly string[],
  index: string,
  signal?: AbortSignal,
): Promise<string> {
  const env = { GIT_INDEX_FILE: index };
  try {
    const start =
      head === null
        ? gitCommand("read_tree", ["--empty"])
        : gitCommand("read_tree", [], { revisions: [head] });
    await must(runGit(git, start, { env, signal }));
    const add = await runGit(
      git,
      gitCommand("add", ["--all", "--pathspec-from-file=-", "--pathspec-file-nul"]),
      {
        env,
        signal,
        input: paths.map((path) => `${path}\0`).join(""),
      },
    );
    if (add.code !== 0) throw await refusedPath(git, head, paths, add.stderr);
    await runHook(git, "pre-commit", { index, signal });
    const written = await must(runGit(git, gitCommand("write_tree"), { env, signal }));
    return written.toString("utf8").trim();
  } finally {
    await Promise.all([index, `${index}.lock`].map((file) => rm(file, { force: true })));
  }
}

/** What a commit of this tree changes; null before the first commit. */
export async function stagedChanges(
  git: GitContext,
  head: string | null,
  tree: string,
  signal?: AbortSignal,
): Promise<readonly FileChange[]> {
  return readChanges(git, [head ?? (await emptyTree(git)), tree], undefined, signal);
}

/**
 * Brings the worktree's own index up to the commit for these paths, so that `git status` tells the truth.
 * Returns false when another process keeps the index locked: the commit stands, status is stale until then.
 */
export async function refreshIndex(git: GitContext, paths: readonly GitPath[]): Promise<boolean> {
  const input = Buffer.from(paths.map((path) => `${path}\0`).join(""), "latin1");
  const command = gitCommand("reset", ["--quiet", "--pathspec-from-file=-", "--pathspec-file-nul"]);
  const { code } = await runOnIndex(git, command, { input });
  return code === 0;
}

/** Paths among the changes that are links leading out of the worktree. */
export async function escapingLinks(
  git: GitContext,
  changes: readonly FileChange[],
): Promise<readonly GitPath[]> {
  const found: GitPath[] = [];
  for (const { path, status } of changes) {
    if (status === "deleted") continue;
    const file = join(git.worktree, Buffer.from(path, "latin1").toString("utf8"));
    const target = await readlink(file).catch(() => undefined);
    if (target !== undefined && !isInside(git.worktree, resolve(dirname(file), target))) found.push(path);
  }
  return found;
}

async function refusedPath(
  git: GitContext,
  head: string | null,
  paths: readonly string[],
  stderr: string,
): Promise<DomainError> {
  const full = unwritable(stderr);
  if (full !== undefined) return full;
  if (stderr.includes("ignored by one of your")) {
    return new DomainError("invalid", "a named path is ignored by .gitignore", {
      hint: "leave it out, or change .gitignore",
      cause: stderr,
    });
  }
  if (stderr.includes("beyond a symbolic link") || stderr.includes("outside repository")) {
    return new DomainError("denied", "a named path lies behind a symbolic link or outside the worktree", {
      hint: "name the file by its real place in this worktree",
      cause: stderr,
    });
  }
  if (stderr.includes("submodule")) {
    return new DomainError("invalid", "a named path lies in a submodule", {
      hint: "commit in the submodule's own worktree",
      cause: stderr,
    });
  }
  const missing: string[] = [];
  for (const path of paths) {
    const exists = await lstat(join(git.worktree, path)).then(
      () => true,
      () => false,
    );
    if (!exists && !(await isTracked(git, head, path))) missing.push(path);
  }
  if (missing.length > 0) {
    const named = missing
      .slice(0, 5)
      .map((path) => showPath(gitPath(path)))
      .join(", ");
    return new DomainError("invalid", `nothing in the worktree or in the last commit is named ${named}`, {
      hint: "give paths relative to the worktree's top folder",
      cause: stderr,
    });
  }
  return new DomainError("invalid_state", "git could not read the named files", {
    hint: "check that they can be read",
    cause: stderr,
  });
}

async function isTracked(git: GitContext, head: string | null, path: string): Promise<boolean> {
  if (head === null) return false;
  const command = gitCommand("ls_tree", ["-z", "--name-only", "--full-tree"], {
    revisions: [head],
    paths: [path.replace(/\/+$/, "")],
  });
  const { code, stdout } = await runGit(git, command);
  return code === 0 && stdout.length > 0;
}

async function must(running: ReturnType<typeof runGit>): Promise<Buffer> {
  const { code, stdout, stderr } = await running;
  if (code === 0) return stdout;
  throw (
    unwritable(stderr) ??
    new DomainError("invalid_state", "git could not prepare the commit", {
      hint: "run `git status` there to see what is wrong",
      cause: stderr,
    })
  );
}
