import { join } from "node:path";
import { projectRoots, type ServerSources } from "../../kernel/config.ts";
import { worktreeFolder } from "../../kernel/worktree-folder.ts";
import type { SigningKey } from "./adapters/sign.ts";

/** Where the git server keeps its things and what it may touch. */
export interface GitConfig {
  readonly home: string;
  readonly database: string;
  /** Folders below which repositories may be used. */
  readonly roots: readonly string[];
  readonly worktrees: string;
  /** Where git is looked for. */
  readonly path: string;
  /** What signs commits and tags where a caller asks for it. */
  readonly signingKey: SigningKey | undefined;
  readonly github: { readonly url: string; readonly token: string | undefined; readonly readOnly: boolean };
}

export function readGitConfig(sources: ServerSources): GitConfig {
  const { home, env } = sources;
  const signingKey = env["SLIPWAY_SIGNING_KEY"];
  return {
    home,
    database: join(home, "git.db"),
    roots: projectRoots(sources),
    worktrees: worktreeFolder(home, env),
    signingKey:
      signingKey === undefined || signingKey === ""
        ? undefined
        : { file: signingKey, agent: env["SSH_AUTH_SOCK"] },
    github: {
      url: env["GITHUB_API_URL"] ?? "https://api.github.com",
      token: env["GITHUB_TOKEN"] === "" ? undefined : env["GITHUB_TOKEN"],
      readOnly: !["", "0", "false", undefined].includes(env["SLIPWAY_GITHUB_READ_ONLY"]),
    },
    path: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
  };
}
