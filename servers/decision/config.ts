import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import type { ServerSources } from "../../kernel/config.ts";
import { mainWorktree } from "../../kernel/home.ts";
import { worktreeFolder } from "../../kernel/worktree-folder.ts";

/** Where the decision server keeps its things, and what it may read. */
export interface DecisionConfig {
  readonly database: string;
  /** Folders below which repositories may be measured. */
  readonly roots: readonly string[];
  /** Where tasks have their worktrees, once there are any; may be measured as well. */
  readonly worktrees: string;
  /** Where git is found. */
  readonly path: string;
  /** An empty folder that stands in for the user's own, so that git finds no personal settings. */
  readonly gitHome: string;
}

/** Roots: those of SLIPWAY_ROOTS (separated as in PATH), the project or working directory, and its main worktree. */
export function readDecisionConfig({ home, env, cwd }: ServerSources): DecisionConfig {
  const named = (env["SLIPWAY_ROOTS"] ?? "").split(delimiter).filter((root) => root !== "");
  const given = env["CLAUDE_PROJECT_DIR"];
  const project = given !== undefined && existsSync(given) ? resolve(given) : cwd;
  const roots = [...named.map((root) => resolve(cwd, root)), mainWorktree(project) ?? project, project];
  return {
    database: join(home, "decision.db"),
    // The root of the file system is where hosts start servers that have no project.
    roots: [...new Set(roots)].filter((root) => dirname(root) !== root),
    worktrees: worktreeFolder(home, env),
    path: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    gitHome: join(home, "git-home"),
  };
}

/** Variables that agents set in the shells they open. A command that only a person may run refuses where it sees one. */
const AGENT_MARKS = [
  "CLAUDECODE",
  "CLAUDE_CODE_ENTRYPOINT",
  "CODEX_SANDBOX",
  "CODEX_SANDBOX_NETWORK_DISABLED",
  "CODEX_THREAD_ID",
  "GEMINI_CLI",
  "CURSOR_AGENT",
  "OPENCODE",
  "AI_AGENT",
  "SLIPWAY_JOB",
] as const;

/** Why this environment is not a person's terminal, or null. */
export function notAPersonsShell(env: Readonly<Record<string, string | undefined>>): string | null {
  const isSet = (name: string): boolean => env[name] !== undefined && env[name] !== "";
  const mark = AGENT_MARKS.find(isSet);
  if (mark !== undefined) return `this is an agent's shell (${mark} is set)`;
  if (isSet("CI") && env["CI"] !== "false" && env["CI"] !== "0") return "this is a CI run (CI is set)";
  return null;
}
