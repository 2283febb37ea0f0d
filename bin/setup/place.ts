import { homedir } from "node:os";
import { resolve } from "node:path";
import { mainWorktree } from "../../kernel/home.ts";
import type { Io } from "../../kernel/io.ts";
import type { Place } from "./hosts.ts";

/** The project around the working directory (its main worktree), and the user's own folder. */
export function placeOf(io: Io): Place {
  const project = resolve(io.env["CLAUDE_PROJECT_DIR"] ?? io.cwd);
  return {
    project: mainWorktree(project) ?? project,
    user: io.env["HOME"] ?? homedir(),
    platform: process.platform,
    env: io.env,
  };
}
