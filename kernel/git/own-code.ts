import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { gitCommand } from "./arguments.ts";
import { runGit, type GitPlace } from "./run.ts";

/** What a repository can make git do by itself, as it is now. */
export interface OwnCode {
  /** The files that decide it, sorted: relative to the git folder, or absolute where a configuration includes them. */
  readonly files: readonly string[];
  /** Lower-case hexadecimal SHA-256 over names, permissions and bytes of these files. */
  readonly digest: string;
}

const MAX_INCLUDED = 100;

/**
 * Reads the files by which a repository runs code of its own: the configuration of the main git folder and of every
 * linked worktree, what these include under whatever condition, `info/attributes`, and the hooks that are no samples. A
 * trust that names the digest ends when one of them changes, comes or goes, or becomes executable. What configuration
 * points at by other keys, such as hooks kept in the worktree, is not read.
 *
 * @param place Where git may be run; it reads configuration files by name and nothing else.
 */
export async function readOwnCode(place: GitPlace, commonDir: string): Promise<OwnCode> {
  const hooks = (await namesIn(join(commonDir, "hooks"))).filter((name) => !name.endsWith(".sample"));
  const worktrees = await namesIn(join(commonDir, "worktrees"));
  const settings = [
    "config",
    "config.worktree",
    ...worktrees.map((name) => join("worktrees", name, "config.worktree")),
  ];
  const included = new Set<string>();
  for (const name of settings) await collectIncludes(place, join(commonDir, name), included);
  const candidates = [
    ...settings,
    join("info", "attributes"),
    ...hooks.map((name) => join("hooks", name)),
    ...included,
  ].sort();
  const hash = createHash("sha256");
  const files: string[] = [];
  for (const name of candidates) {
    const file = isAbsolute(name) ? name : join(commonDir, name);
    const [bytes, found] = await Promise.all([readFile(file), stat(file)]).catch(() => []);
    if (bytes === undefined || found === undefined) continue;
    files.push(name);
    // Lengths keep one list of files from reading like another.
    hash
      .update(`${Buffer.byteLength(name)}:${name}${(found.mode & 0o777).toString(8)}:${bytes.length}:`)
      .update(bytes);
  }
  return { files, digest: hash.digest("hex") };
}

/** Adds what a configuration file includes, and what that includes in turn. */
async function collectIncludes(place: GitPlace, file: string, found: Set<string>): Promise<void> {
  const text = await readFile(file, "latin1").catch(() => "");
  // Most include nothing, and asking git costs a process.
  if (!/include/i.test(text)) return;
  const { stdout } = await runGit(
    place,
    gitCommand("config_includes", [`--file=${file}`], { revisions: [INCLUDES] }),
  );
  for (const record of stdout.toString("utf8").split("\0")) {
    const path = record.slice(record.indexOf("\n") + 1);
    // In the empty home that git is given, "~" leads nowhere.
    if (path === "" || path.startsWith("~")) continue;
    const target = isAbsolute(path) ? path : join(dirname(file), path);
    if (found.has(target) || found.size >= MAX_INCLUDED) continue;
    found.add(target);
    await collectIncludes(place, target, found);
  }
}

const INCLUDES = String.raw`^include(if\..*)?\.path$`;

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
