import { join } from "node:path";
import { projectRoots, type ServerSources } from "../../kernel/config.ts";
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

export function readGitConfig(sources: ServerSources): GitConfig {
  const { home, env } = sources;
  return {
    home,
    database: join(home, "git.db"),
    roots: projectRoots(sources),
    worktrees: worktreeFolder(home, env),
    path: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
  };
}
