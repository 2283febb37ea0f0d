import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DomainError } from "./errors.ts";

/** Where a state folder may come from. Only configuration code hands in the environment. */
export interface HomeSources {
  /** The value of `--home`. */
  readonly flag: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/**
 * Finds the state folder: `--home`, else `SLIPWAY_HOME`, else `.slipway` beside the main worktree's common git
 * folder (so that an agent started in a task's worktree shares the queue), else `.slipway` in the working directory.
 *
 * @throws {DomainError} invalid for an empty `--home`, which a script gets from a variable that is not set.
 */
export function findHome({ flag, env, cwd }: HomeSources): string {
  if (flag === "") throw new DomainError("invalid", "--home needs a folder", { hint: "--home DIR" });
  const named = flag ?? env["SLIPWAY_HOME"];
  if (named !== undefined && named !== "") return resolve(cwd, named);
  const project = env["CLAUDE_PROJECT_DIR"];
  const start = project !== undefined && existsSync(project) ? project : cwd;
  return join(mainWorktree(existsSync(start) ? realpathSync(start) : start) ?? cwd, ".slipway");
}

/** The main worktree that a folder belongs to, found without running git; null outside any repository. */
export function mainWorktree(folder: string): string | null {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const common = commonGitFolder(join(at, ".git"));
    if (common !== null)
      return basename(common) === ".git" ? dirname(common) : (configuredWorktree(common) ?? common);
    if (dirname(at) === at) return null;
  }
}

/** A submodule's git folder lies inside its parent's and names the worktree in its config. */
function configuredWorktree(gitFolder: string): string | null {
  const config = join(gitFolder, "config");
  const worktree = existsSync(config)
    ? /^\s*worktree\s*=\s*(.+)$/m.exec(readFileSync(config, "utf8"))?.[1]
    : undefined;
  return worktree === undefined ? null : resolve(gitFolder, worktree.trim());
}

function commonGitFolder(dotGit: string): string | null {
  const stat = statSync(dotGit, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  if (stat.isDirectory()) return dotGit;
  const target = /^gitdir: (.+)$/m.exec(readFileSync(dotGit, "utf8"))?.[1];
  if (target === undefined) return null;
  const gitFolder = resolve(dirname(dotGit), target.trim());
  const pointer = join(gitFolder, "commondir");
  return existsSync(pointer) ? resolve(gitFolder, readFileSync(pointer, "utf8").trim()) : gitFolder;
}
