import { lstat, readFile, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Clock } from "../clock.ts";
import { DomainError } from "../errors.ts";
import { gitCommand } from "./arguments.ts";
import { fileStamps } from "./file-stamp.ts";
import { runGit, type GitPlace } from "./run.ts";

/** Where the parts of a repository are; real paths. */
export interface Location {
  /** The worktree's top folder. */
  readonly worktree: string;
  /** This worktree's own git folder. */
  readonly gitDir: string;
  /** The git folder that all worktrees share. */
  readonly commonDir: string;
}

/** Locations by folder, each with the state of the files that git found it by. */
export type LocationCache = Map<string, { readonly stamp: string; readonly location: Location }>;

/**
 * Asks git which repository a folder belongs to. The answer for the top of a worktree is remembered as long as nothing
 * has changed that git would look at: the .git entry, the git folders behind it, their configuration and owners.
 * @throws {DomainError} not_found (no repository), denied (another owner), invalid (a bare repository).
 */
export async function locate(
  place: GitPlace,
  repo: string,
  cache: LocationCache,
  clock: Clock,
): Promise<Location> {
  const stamp = await stampOf(place.directory, clock).catch(() => undefined);
  const known = cache.get(place.directory);
  if (known !== undefined && known.stamp === stamp) return known.location;
  const location = await ask(place, repo);
  // Below the top, any folder on the way could become a repository of its own.
  if (stamp !== undefined && location.worktree === place.directory)
    cache.set(place.directory, { stamp, location });
  return location;
}

/** The state of everything by which git takes this folder for the top of a worktree; undefined where it may not be one. */
async function stampOf(directory: string, clock: Clock): Promise<string | undefined> {
  const entry = join(directory, ".git");
  const found = await lstat(entry);
  if (found.isSymbolicLink()) return undefined;
  const pointer = found.isFile() ? await readFile(entry, "utf8") : "gitdir: .git";
  const gitDir = await realpath(resolve(directory, pointer.replace(/^gitdir: /, "").trimEnd()));
  const shared = await readFile(join(gitDir, "commondir"), "utf8").catch(() => "");
  const commonDir = shared === "" ? gitDir : await realpath(resolve(gitDir, shared.trimEnd()));
  const [head, ...folders] = await Promise.all([
    readFile(join(gitDir, "HEAD"), "utf8"),
    ...[directory, gitDir, commonDir, join(commonDir, "objects"), join(commonDir, "refs")].map((folder) =>
      stat(folder),
    ),
  ]);
  // Without these git would go on looking in the folders above. Source: is_git_directory in git's setup.c.
  if (!/^(?:ref: *refs\/|[0-9a-f]{40})/.test(head) || !folders.every((folder) => folder.isDirectory()))
    return undefined;
  const files = await fileStamps([join(commonDir, "config"), join(gitDir, "config.worktree")], clock);
  if (files === undefined) return undefined;
  const identities = [found, ...folders].map(({ ino, uid }) => `${ino}:${uid}`);
  return [pointer, gitDir, commonDir, ...identities, files].join("|");
}

async function ask(place: GitPlace, repo: string): Promise<Location> {
  const { code, stdout, stderr } = await runGit(
    place,
    gitCommand("rev_parse", [
      "--path-format=absolute",
      "--show-toplevel",
      "--absolute-git-dir",
      "--git-common-dir",
    ]),
    { timeoutMs: 10_000 },
  );
  if (code !== 0) throw notOpened(repo, stderr);
  const [worktree, gitDir, commonDir, ...rest] = stdout.toString("utf8").trimEnd().split("\n");
  if (worktree === undefined || gitDir === undefined || commonDir === undefined || rest.length > 0) {
    throw new DomainError("invalid", `the repository of ${repo} has a line break in its path`, {
      hint: "rename the folder",
    });
  }
  const [realWorktree, realGitDir, realCommonDir] = await Promise.all([
    realpath(worktree),
    realpath(gitDir),
    realpath(commonDir),
  ]);
  return { worktree: realWorktree, gitDir: realGitDir, commonDir: realCommonDir };
}

/** Recognises git's reasons; its own words stay in the cause, because a repository can choose some of them. */
function notOpened(repo: string, stderr: string): DomainError {
  if (stderr.includes("dubious ownership")) {
    return new DomainError("denied", `the repository at ${repo} belongs to another user`, {
      hint: "run the server as the owner of the repository",
      cause: stderr,
    });
  }
  if (stderr.includes("must be run in a work tree") || stderr.includes("bare repository")) {
    return new DomainError("invalid", `${repo} is a bare repository or inside a .git folder`, {
      hint: "give the folder of a worktree",
      cause: stderr,
    });
  }
  if (stderr.includes("not a git repository")) {
    return new DomainError("not_found", `there is no git repository at ${repo}`, {
      hint: "give a folder inside a repository, or create the repository first",
      cause: stderr,
    });
  }
  return new DomainError("invalid_state", `the repository at ${repo} cannot be opened`, {
    hint: "run `git status` there to see what is damaged",
    cause: stderr,
  });
}
