import { existsSync } from "node:fs";
import { delimiter, dirname, resolve } from "node:path";
import { mainWorktree } from "./home.ts";
import type { Log } from "./log.ts";

/** What a server may draw its configuration from. Its `config.ts` is the only file that reads it. */
export interface ServerSources {
  /** The state folder; made when first written. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly log: Log;
}

/**
 * The folders a server may work in: those of SLIPWAY_ROOTS (separated as in PATH), the project or working directory,
 * and its main worktree.
 */
export function projectRoots({ env, cwd }: Pick<ServerSources, "env" | "cwd">): readonly string[] {
  const named = (env["SLIPWAY_ROOTS"] ?? "").split(delimiter).filter((root) => root !== "");
  const given = env["CLAUDE_PROJECT_DIR"];
  const project = given !== undefined && existsSync(given) ? resolve(given) : cwd;
  const roots = [...named.map((root) => resolve(cwd, root)), mainWorktree(project) ?? project, project];
  // The root of the file system is where hosts start servers that have no project.
  return [...new Set(roots)].filter((root) => dirname(root) !== root);
}
