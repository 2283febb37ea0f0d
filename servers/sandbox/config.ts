import { join, resolve } from "node:path";
import type { ServerSources } from "../../kernel/config.ts";
import { mainWorktree } from "../../kernel/home.ts";

/** What the sandbox server is set up with. */
export interface SandboxConfig {
  readonly database: string;
  readonly home: string;
  /** Holds one folder per sandbox. */
  readonly folder: string;
  readonly scratch: string;
  /** Folders that may be imported from. */
  readonly roots: readonly string[];
  /** DOCKER_HOST, or undefined for the usual socket. */
  readonly dockerHost: string | undefined;
  /** Only a person sets this, when the server is started. */
  readonly allowUnisolated: boolean;
  /** The server's own PATH: where git is found, and where unisolated commands look. */
  readonly path: string;
  readonly bwrap: string;
  readonly busybox: readonly string[];
  /** Live sandboxes at one time. */
  readonly maxSandboxes: number;
  readonly outputCapBytes: number;
}

export function readSandboxConfig({ home, env, cwd }: ServerSources): SandboxConfig {
  const project = env["CLAUDE_PROJECT_DIR"] ?? cwd;
  const extra = (env["SLIPWAY_ROOTS"] ?? "").split(":").filter((root) => root !== "");
  return {
    database: join(home, "sandbox.db"),
    home,
    folder: join(home, "sandboxes"),
    scratch: join(home, "scratch"),
    roots: [mainWorktree(project) ?? project, ...extra].map((root) => resolve(cwd, root)),
    dockerHost: env["DOCKER_HOST"],
    allowUnisolated: env["SLIPWAY_ALLOW_UNISOLATED"] === "1",
    path: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    bwrap: "/usr/bin/bwrap",
    busybox: ["/usr/bin/busybox", "/bin/busybox"],
    maxSandboxes: 16,
    outputCapBytes: 10 * 1_048_576,
  };
}
