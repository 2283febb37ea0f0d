import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import type { ServerSources } from "../../kernel/config.ts";
import { mainWorktree } from "../../kernel/home.ts";
import { worktreeFolder } from "../../kernel/worktree-folder.ts";

/** Where the git server keeps its things and what it may touch. */
export interface GitConfig {
  readonly home: string;
  readonly database: string;
  /** Folders below which repositories may be used. */
  readonly roots: readonly string[];
  readonly worktrees: string;
  /** Where git is looked for. */
  readonly path: string;
}

/** Roots: those of SLIPWAY_ROOTS (separated as in PATH), and the main worktree of the project or the working directory. */
export function readGitConfig({ home, env, cwd }: ServerSources): GitConfig {
  const named = (env["SLIPWAY_ROOTS"] ?? "").split(delimiter).filter((root) => root !== "");
  const given = env["CLAUDE_PROJECT_DIR"];
  const project = given !== undefined && existsSync(given) ? resolve(given) : cwd;
  const roots = [...named.map((root) => resolve(cwd, root)), mainWorktree(project) ?? project, project];
  return {
    home,
    database: join(home, "git.db"),
    // The root of the file system is where hosts start servers that have no project.
    roots: [...new Set(roots)].filter((root) => dirname(root) !== root),
    worktrees: worktreeFolder(home, env),
    path: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
  };
}
