import { readdir, readFile, realpath } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { systemClock, type Clock } from "../clock.ts";
import { DomainError } from "../errors.ts";
import type { Roots } from "../roots.ts";
import { cleanText, clipText } from "../text.ts";
import { assertRevision, gitCommand } from "./arguments.ts";
import { FIXED_CONFIG, UNTRUSTED_CONFIG } from "./config-keys.ts";
import { scanConfig, type ConfigScan, type ScanCache } from "./config-scan.ts";
import { gitEnvironment, type EnvironmentSettings } from "./environment.ts";
import { locate, type Location, type LocationCache } from "./locate.ts";
import { readBranchFile, readRefFile } from "./ref-files.ts";
import { runGit, type GitPlace } from "./run.ts";

export interface GitSettings extends EnvironmentSettings {
  readonly roots: Roots;
  /**
   * Whether a person trusts the repository with this real common folder (the main `.git`) to run its own code: hooks,
   * filters, drivers, includes. `place` is where git may be run to find out. Default: none is trusted.
   */
  readonly isTrusted?: (commonDir: string, place: GitPlace) => boolean | Promise<boolean>;
  /** Made once per server by `gitCache`. Default: nothing is remembered. */
  readonly cache?: GitCache;
}

/** What may be remembered between calls: versions by PATH, places and scans by the state of the files they come from. */
export interface GitCache {
  readonly scans: ScanCache;
  readonly locations: LocationCache;
  readonly versions: Map<string, Promise<GitVersion>>;
  /** Tells a file that was just written from one whose next change will show. */
  readonly clock: Clock;
}

export function gitCache(clock: Clock = systemClock): GitCache {
  return { scans: new Map(), locations: new Map(), versions: new Map(), clock };
}

export interface GitVersion {
  readonly major: number;
  readonly minor: number;
}

/** A repository that passed the location check and the scan. Good for one call: open again for the next. */
export interface GitContext extends GitPlace, Location {
  readonly version: GitVersion;
  readonly trusted: boolean;
  /** Names of configuration keys that were overridden or deserve a warning; shown to callers as `untrusted_config`. */
  readonly untrustedConfig: readonly string[];
  /** Names of keys that change where a host operation goes; such operations must refuse while there are any. */
  readonly networkConfig: readonly string[];
  /**
   * The object id of the commit a name stands for. Use the answer, not the name, from then on.
   * @throws {DomainError} not_found, or invalid for a malformed name.
   */
  resolveCommit(ref: string): Promise<string>;
}

/**
 * Opens the repository that holds `repo`: checks that worktree, git folder and everything they point at lie below the
 * allowed roots, scans the configuration without running anything, and prepares overrides for what it found.
 * @throws {DomainError} not_found (no repository), denied (outside the roots, another owner, untrusted includes),
 * invalid (a bare repository), unavailable (no git, or older than 2.38).
 */
export async function openGit(options: GitSettings & { readonly repo: string }): Promise<GitContext> {
  const { roots, repo } = options;
  const cache = options.cache ?? gitCache();
  const directory = await roots.resolve(repo);
  const environment = gitEnvironment(options);
  const bare: GitPlace = { directory, environment, config: [...FIXED_CONFIG, ...UNTRUSTED_CONFIG] };

  const version = await knownVersion({ ...bare, directory: "/" }, options.path, cache);
  const found = await locate(bare, repo, cache.locations, cache.clock);
  for (const path of Object.values(found)) {
    if (!roots.contains(path)) {
      throw new DomainError("denied", `the repository of ${repo} keeps its data outside the allowed roots`, {
        hint: "use a repository whose worktree and .git folder are both below an allowed root",
      });
    }
  }
  await assertContained(roots, found.commonDir);
  if (found.gitDir !== found.commonDir) await assertContained(roots, found.gitDir);

  const nowhere = { ...bare, directory: "/" };
  const trusted = (await options.isTrusted?.(found.commonDir, nowhere)) ?? false;
  const scan = await scanConfig(nowhere, found, cache);
  if (!trusted) assertAcceptable(scan);
  const git: GitPlace = {
    directory: found.worktree,
    environment,
    config: trusted ? FIXED_CONFIG : [...FIXED_CONFIG, ...UNTRUSTED_CONFIG, ...scan.overrides],
  };
  return {
    ...git,
    ...found,
    version,
    trusted,
    untrustedConfig: trusted ? [] : scan.keys.map((key) => clipText(cleanText(key), 200)),
    networkConfig: scan.network,
    resolveCommit: (ref) => resolveCommit(git, found, ref),
  };
}

/** Settings for running git where there is no repository yet (init, clone, version). */
export function gitOutside(options: EnvironmentSettings & { readonly directory: string }): GitPlace {
  return {
    directory: options.directory,
    environment: gitEnvironment(options),
    config: [...FIXED_CONFIG, ...UNTRUSTED_CONFIG],
  };
}

/** No link in the git folder and no borrowed object store may lead outside: git would read and write through them. */
async function assertContained(roots: Roots, folder: string): Promise<void> {
  const outside = (what: string): DomainError =>
    new DomainError("denied", `the repository's ${what} leads outside the allowed roots`, {
      hint: "replace it by a real folder, or clone the repository anew",
    });
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const target = await realpath(join(folder, entry.name)).catch(() => undefined);
    if (target === undefined || !roots.contains(target)) throw outside(`link .git/${cleanText(entry.name)}`);
  }
  const objects = join(folder, "objects");
  const alternates = await readFile(join(objects, "info", "alternates"), "utf8").catch(() => "");
  for (const line of alternates.split("\n")) {
    if (line.length === 0 || line.startsWith("#")) continue;
    const target = await realpath(isAbsolute(line) ? line : join(objects, line)).catch(() => undefined);
    if (target === undefined || !roots.contains(target)) throw outside("borrowed object store");
  }
}

function assertAcceptable(scan: ConfigScan): void {
  if (scan.refused.length === 0) return;
  const named = clipText(cleanText(scan.refused.join(", ")), 200).replaceAll("\n", " ");
  throw new DomainError("denied", `the repository's configuration pulls in other files (${named})`, {
    hint: "remove these keys from the repository's configuration, or let a person run `slipway git trust`",
  });
}

function knownVersion(place: GitPlace, path: string, cache: GitCache): Promise<GitVersion> {
  const known = cache.versions.get(path);
  if (known !== undefined) return known;
  const asked = askVersion(place);
  cache.versions.set(path, asked);
  // A failure is not remembered: git may be installed while the server runs.
  asked.catch(() => cache.versions.delete(path));
  return asked;
}

async function askVersion(place: GitPlace): Promise<GitVersion> {
  const { stdout } = await runGit(place, gitCommand("version"), { timeoutMs: 10_000 });
  const match = /(\d+)\.(\d+)/.exec(stdout.toString("utf8"));
  const version = { major: Number(match?.[1] ?? 0), minor: Number(match?.[2] ?? 0) };
  // merge-tree --write-tree, on which every merge rests, came with 2.38.
  if (version.major < 2 || (version.major === 2 && version.minor < 38)) {
    throw new DomainError("unavailable", `git ${version.major}.${version.minor} is too old`, {
      hint: "install git 2.38 or newer",
      retryable: false,
    });
  }
  return version;
}

async function resolveCommit(git: GitPlace, location: Location, ref: string): Promise<string> {
  assertRevision(ref);
  const read = await (ref === "HEAD" ? readRefFile : readBranchFile)(location, ref);
  if (typeof read === "string") return read;
  const { code, stdout } = await runGit(
    git,
    gitCommand("rev_parse", ["--verify", "--quiet"], { revisions: [`${ref}^{commit}`] }),
  );
  const id = stdout.toString("utf8").trim();
  if (code === 0 && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(id)) return id;
  throw new DomainError("not_found", `there is no commit named ${clipText(cleanText(ref), 200)}`, {
    hint: "give a branch, a tag or an object id that exists here",
  });
}
