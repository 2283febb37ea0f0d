import { join } from "node:path";
import { mainWorktree } from "./home.ts";

/**
 * Where the linked worktrees of a state folder live: inside it, unless it lies in a repository itself. Then they go
 * into the user's own state folder, because a checkout inside a checkout inherits its modules and its settings.
 */
export function worktreeFolder(home: string, env: Readonly<Record<string, string | undefined>>): string {
  if (mainWorktree(home) === null) return join(home, "worktrees");
  const state =
    env["XDG_STATE_HOME"] ?? (env["HOME"] === undefined ? undefined : join(env["HOME"], ".local", "state"));
  return state === undefined || state === "" ? join(home, "worktrees") : join(state, "slipway", "worktrees");
}
