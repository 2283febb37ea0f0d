import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { GitArguments } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { runGit, type GitResult, type RunOptions } from "../../../kernel/git/run.ts";
import { jitter } from "./refs.ts";

const ATTEMPTS = 40;

/**
 * Runs a command that writes the worktree's index, waiting about three seconds for whoever holds index.lock. The last
 * result is given back; `isIndexLocked` says whether it failed for that reason. The lock is never removed: only a
 * person can tell a stale one from a slow one.
 */
export async function runOnIndex(
  git: GitContext,
  command: GitArguments,
  options: RunOptions = {},
): Promise<GitResult> {
  let result = await runGit(git, command, options);
  for (let attempt = 0; attempt < ATTEMPTS && isIndexLocked(result); attempt += 1) {
    await pause(jitter(attempt));
    // Looking costs nothing, another git a process.
    if (attempt < ATTEMPTS - 1 && (await isThere(join(git.gitDir, "index.lock")))) continue;
    result = await runGit(git, command, options);
  }
  return result;
}

export function isIndexLocked({ code, stderr }: GitResult): boolean {
  return code !== 0 && stderr.includes("index.lock");
}

function isThere(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}
