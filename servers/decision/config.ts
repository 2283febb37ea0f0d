import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { projectRoots, type ServerSources } from "../../kernel/config.ts";
import { mainWorktree } from "../../kernel/home.ts";
import { worktreeFolder } from "../../kernel/worktree-folder.ts";

/** Where the decision server keeps its things, and what it may read. */
export interface DecisionConfig {
  readonly database: string;
  /** Folders below which repositories may be measured. */
  readonly roots: readonly string[];
  /** The folder whose `slipway.yaml` names the policy: the main worktree's, which no task writes to. */
  readonly project: string;
  /** Where tasks have their worktrees, once there are any; may be measured as well. */
  readonly worktrees: string;
  /** Where git is found. */
  readonly path: string;
  /** An empty folder that stands in for the user's own, so that git finds no personal settings. */
  readonly gitHome: string;
}

export function readDecisionConfig(sources: ServerSources): DecisionConfig {
  const { home, env, cwd } = sources;
  const given = env["CLAUDE_PROJECT_DIR"];
  const start = given !== undefined && existsSync(given) ? resolve(given) : cwd;
  return {
    database: join(home, "decision.db"),
    roots: projectRoots(sources),
    project: mainWorktree(start) ?? start,
    worktrees: worktreeFolder(home, env),
    path: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    gitHome: join(home, "git-home"),
  };
}
