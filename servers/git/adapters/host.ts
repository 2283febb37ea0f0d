import { chmodSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../../kernel/clock.ts";
import type { GitIdentity } from "../../../kernel/git/environment.ts";
import {
  gitCache,
  gitOutside,
  openGit,
  type GitContext,
  type GitSettings,
} from "../../../kernel/git/open.ts";
import type { GitPlace } from "../../../kernel/git/run.ts";
import { openRoots, type Roots } from "../../../kernel/roots.ts";
import { sshSigner, type Signer, type SigningKey } from "./sign.ts";

export interface HostSettings {
  /** The state folder. */
  readonly home: string;
  /** Folders whose repositories may be used. */
  readonly roots: readonly string[];
  /** Where linked worktrees are made; always allowed. */
  readonly worktrees: string;
  readonly path: string;
  readonly clock: Clock;
  readonly identity?: GitIdentity;
  /** Transports for cloning. Default https and ssh; a test that serves over loopback adds http. */
  readonly protocols?: readonly string[];
  readonly isTrusted?: GitSettings["isTrusted"];
  readonly authorization?: Authorization;
  readonly signingKey?: SigningKey | undefined;
}

/** The `Authorization` header for git over https to an address, or undefined where none is meant for that host. */
export type Authorization = (url: string) => string | undefined;

/** The machine as the tools see it: which repositories may be opened, and where scratch files go. */
export interface GitHost {
  readonly roots: Roots;
  /** Real path. */
  readonly worktrees: string;
  /** Real path of a folder for files that live as long as one call. */
  readonly scratch: string;
  readonly protocols: readonly string[];
  readonly authorization: Authorization | undefined;
  readonly signer: Signer | undefined;
  open(repo: string): Promise<GitContext>;
  /** For git without a repository; it reaches other repositories by `protocols` only, none by default. */
  outside(directory: string, protocols?: readonly string[]): GitPlace;
}

/** @throws {DomainError} invalid when a root does not exist. */
export function openHost(settings: HostSettings): GitHost {
  const own = join(settings.home, "git");
  const emptyHome = join(own, "empty-home");
  const scratch = join(own, "scratch");
  for (const folder of [own, emptyHome, scratch, settings.worktrees])
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Nothing may be put where git looks for personal settings.
  chmodSync(emptyHome, 0o500);
  sweep(scratch, settings.clock());
  const roots = openRoots([...settings.roots, settings.worktrees]);
  const environment = {
    path: settings.path,
    home: emptyHome,
    ...(settings.identity === undefined ? {} : { identity: settings.identity }),
  };
  const cache = gitCache(settings.clock);
  return {
    roots,
    worktrees: roots.paths.at(-1) ?? settings.worktrees,
    scratch,
    protocols: settings.protocols ?? ["https", "ssh"],
    authorization: settings.authorization,
    signer:
      settings.signingKey === undefined
        ? undefined
        : sshSigner(settings.signingKey, { PATH: settings.path, HOME: emptyHome }),
    open: (repo) =>
      openGit({
        ...environment,
        roots,
        repo,
        cache,
        ...(settings.isTrusted === undefined ? {} : { isTrusted: settings.isTrusted }),
      }),
    outside: (directory, protocols = []) => gitOutside({ ...environment, directory, protocols }),
  };
}

const LITTER_AFTER_MS = 3_600_000;

/** Removes scratch files that killed processes left; those of calls under way are younger. */
function sweep(folder: string, now: number): void {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    const age = now - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? now);
    if (age > LITTER_AFTER_MS) rmSync(file, { force: true });
  }
}
