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
  readonly github: { readonly url: string; readonly token: string | undefined; readonly readOnly: boolean };
}

export function readGitConfig(sources: ServerSources): GitConfig {
  const { home, env } = sources;
  return {
    home,
    database: join(home, "git.db"),
    roots: projectRoots(sources),
    worktrees: worktreeFolder(home, env),
    github: {
      url: env["GITHUB_API_URL"] ?? "https://api.github.com",
      token: env["GITHUB_TOKEN"] === "" ? undefined : env["GITHUB_TOKEN"],
      readOnly: !["", "0", "false", undefined].includes(env["SLIPWAY_GITHUB_READ_ONLY"]),
    },
    path: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
  };
}
