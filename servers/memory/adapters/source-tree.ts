import { createHash } from "node:crypto";
import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand, type GitFlag } from "../../../kernel/git/arguments.ts";
import { gitCache, openGit, type GitContext } from "../../../kernel/git/open.ts";
import { runGit } from "../../../kernel/git/run.ts";
import { openRoots } from "../../../kernel/roots.ts";
import type { Unreadable } from "../domain/code/indexed.ts";
import { within } from "../domain/code/path.ts";

/** The folders of sources this server may read. */
export interface SourceTrees {
  /** The allowed roots, the project last. */
  readonly roots: readonly string[];
  /**
   * The real path of a folder.
   * @throws {DomainError} denied outside the roots, not_found, invalid for a file.
   */
  folder(path: string): Promise<string>;
  /** The real path of a file below a root. @throws {DomainError} as `folder` does. */
  file(path: string): Promise<string>;
  /**
   * Every file below a folder, with slashes, relative to it, sorted. In a git repository those that git knows or would
   * add; elsewhere all but hidden ones and installed packages. Links are never followed.
   *
   * @throws {DomainError} limit for more than 200,000.
   */
  list(folder: string, signal: AbortSignal): Promise<readonly string[]>;
  read(folder: string, path: string): Promise<SourceText | Unreadable>;
  /**
   * The git blob id of what a file holds now; undefined for what is no file, or larger than 10 MB.
   * @throws {DomainError} denied outside the roots, not_found.
   */
  blobOf(path: string): Promise<string | undefined>;
  /**
   * Paths each of the last commits changed, relative to the folder, newest first; empty outside a repository.
   * Merges are left out.
   */
  commits(folder: string, most: number, signal: AbortSignal): Promise<readonly (readonly string[])[]>;
}

export interface SourceText {
  readonly text: string;
  /** As git names it: SHA-1 over "blob <bytes>\0" and the bytes. */
  readonly blob: string;
}

const MAX_FILES = 200_000;
const MAX_SOURCE_BYTES = 1_000_000;
const MAX_HASHED_BYTES = 10_000_000;
/** No person writes such lines; they cost a parser much and say nothing. */
const MAX_LINE_CHARS = 5_000;

const INSTALLED = new Set(["node_modules", "bower_components", "__pycache__", "site-packages", "venv"]);

export interface SourceSettings {
  readonly roots: readonly string[];
  /** Where git is looked for. */
  readonly path: string;
}

/** @throws {DomainError} invalid when a root does not exist. */
export function sourceTrees(settings: SourceSettings): SourceTrees {
  const roots = openRoots(settings.roots);
  const cache = gitCache();
  /** Undefined where there is no repository, or none that may be used. */
  const repositoryOf = async (folder: string): Promise<GitContext | undefined> => {
    try {
      return await openGit({ roots, path: settings.path, home: "/dev/null", cache, repo: folder });
    } catch (error) {
      if (error instanceof DomainError && error.code !== "timeout") return undefined;
      throw error;
    }
  };
  return {
    roots: roots.paths,
    async folder(path) {
      const real = await roots.resolve(path);
      if ((await stat(real)).isDirectory()) return real;
      throw new DomainError("invalid", `${path} is a file`, { hint: "give a folder" });
    },
    async file(path) {
      const real = await roots.resolve(path);
      if ((await stat(real)).isFile()) return real;
      throw new DomainError("invalid", `${path} is no file`, { hint: "give a file" });
    },
    async list(folder, signal) {
      const git = await repositoryOf(folder);
      const known = git === undefined ? [] : await listed(git, folder, signal);
      // What git ignores as a whole, such as an installed package, is listed from the disk.
      const paths = known.length > 0 ? known : await walked(folder, signal);
      if (paths.length > MAX_FILES) throw tooMany();
      return [...paths].sort();
    },
    async read(folder, path) {
      const bytes = await bytesOf(join(folder, path), MAX_SOURCE_BYTES);
      if (typeof bytes === "string") return bytes;
      if (bytes.includes(0)) return "binary";
      const text = bytes.toString("utf8");
      return hasLongLine(text) ? "minified" : { text, blob: blobId(bytes) };
    },
    async blobOf(path) {
      const bytes = await bytesOf(await roots.resolve(path), MAX_HASHED_BYTES);
      return typeof bytes === "string" ? undefined : blobId(bytes);
    },
    async commits(folder, most, signal) {
      const git = await repositoryOf(folder);
      if (git === undefined) return [];
      const { code, stdout } = await runGit(
        { ...git, directory: folder },
        gitCommand(
          "log",
          ["--format=%x00", "--name-only", "-z", "--no-merges", "--no-renames", `--max-count=${most}`],
          {
            paths: ["."],
          },
        ),
        { signal },
      );
      const prefix = folder === git.worktree ? "" : `${folder.slice(git.worktree.length + 1)}/`;
      return code === 0 || code === null ? commitsIn(stdout.toString("utf8"), prefix) : [];
    },
  };
}

async function listed(git: GitContext, folder: string, signal: AbortSignal): Promise<readonly string[]> {
  const ask = async (...flags: readonly GitFlag<"ls_files">[]): Promise<readonly string[]> => {
    const { code, stdout, truncated } = await runGit(
      { ...git, directory: folder },
      gitCommand("ls_files", ["-z", ...flags]),
      { signal },
    );
    if (truncated) throw tooMany();
    return code === 0 ? stdout.toString("utf8").split("\0") : [];
  };
  const known = new Set(await ask("--cached", "--others", "--exclude-standard"));
  // Git goes on naming a file that was removed until that is committed.
  for (const path of ["", ...(await ask("--deleted"))]) known.delete(path);
  return [...known];
}

async function walked(folder: string, signal: AbortSignal): Promise<readonly string[]> {
  const paths: string[] = [];
  const folders = [""];
  for (const at of folders) {
    signal.throwIfAborted();
    const entries = await readdir(join(folder, at), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (entry.name.startsWith(".") || INSTALLED.has(entry.name)) continue;
      // A link is neither, so that no loop and nothing outside is walked.
      if (entry.isDirectory()) folders.push(within(at, entry.name));
      else if (entry.isFile()) paths.push(within(at, entry.name));
    }
    if (paths.length > MAX_FILES) throw tooMany();
  }
  return paths;
}

function tooMany(): DomainError {
  return new DomainError("limit", `there are more than ${MAX_FILES.toLocaleString("en-US")} files`, {
    hint: "index a folder below",
  });
}

async function bytesOf(path: string, most: number): Promise<Buffer | Unreadable> {
  try {
    const found = await lstat(path);
    if (!found.isFile()) return "gone";
    return found.size > most ? "too large" : await readFile(path);
  } catch {
    return "gone";
  }
}

function blobId(bytes: Buffer): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

function hasLongLine(text: string): boolean {
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\n", at);
    if ((end === -1 ? text.length : end) - at > MAX_LINE_CHARS) return true;
    if (end === -1) return false;
    at = end + 1;
  }
  return false;
}

/** Each commit begins with an empty name, which no file has. */
function commitsIn(log: string, prefix: string): readonly (readonly string[])[] {
  const commits: string[][] = [];
  for (const name of log.split("\0")) {
    const path = name.replace(/^\n/, "");
    if (path === "") commits.push([]);
    else if (path.startsWith(prefix)) commits.at(-1)?.push(path.slice(prefix.length));
  }
  return commits.filter((paths) => paths.length > 0);
}
