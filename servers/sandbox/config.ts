import { join } from "node:path";
import { projectRoots, type ServerSources } from "../../kernel/config.ts";
import { PACKAGE_HOSTS } from "./domain/package-hosts.ts";
import { worktreeFolder } from "../../kernel/worktree-folder.ts";

/** What the sandbox server is set up with. */
export interface SandboxConfig {
  readonly database: string;
  readonly home: string;
  /** Holds one folder per sandbox. */
  readonly folder: string;
  readonly scratch: string;
  /** Folders that may be imported from, besides the worktrees. */
  readonly roots: readonly string[];
  /** Where the git server keeps worktrees; it may not be there yet. */
  readonly worktrees: string;
  /** DOCKER_HOST, or undefined for the usual socket. */
  readonly dockerHost: string | undefined;
  /** Only a person sets this, when the server is started. */
  readonly allowUnisolated: boolean;
  /** The server's own PATH: where git is found, and where unisolated commands look. */
  readonly path: string;
  readonly bwrap: string;
  readonly busybox: readonly string[];
  readonly setpriv: readonly string[];
  /** Hosts that a sandbox may be given a door to. */
  readonly hosts: readonly string[];
  /** Live sandboxes at one time. */
  readonly maxSandboxes: number;
  readonly outputCapBytes: number;
}

/** Hosts: those of package registries, and of SLIPWAY_SANDBOX_HOSTS (separated by commas). Roots: those of SLIPWAY_ROOTS (separated as in PATH), and the main worktree of the project or the working directory. */
export function readSandboxConfig(sources: ServerSources): SandboxConfig {
  const { home, env } = sources;
  return {
    database: join(home, "sandbox.db"),
    home,
    folder: join(home, "sandboxes"),
    scratch: join(home, "scratch"),
    roots: projectRoots(sources),
    worktrees: worktreeFolder(home, env),
    dockerHost: env["DOCKER_HOST"],
    allowUnisolated: env["SLIPWAY_ALLOW_UNISOLATED"] === "1",
    path: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    bwrap: "/usr/bin/bwrap",
    busybox: ["/usr/bin/busybox", "/bin/busybox"],
    setpriv: ["/usr/bin/setpriv", "/bin/setpriv"],
    hosts: [
      ...PACKAGE_HOSTS,
      ...(env["SLIPWAY_SANDBOX_HOSTS"] ?? "").split(",").filter((host) => host !== ""),
    ],
    maxSandboxes: 16,
    outputCapBytes: 10 * 1_048_576,
  };
}
