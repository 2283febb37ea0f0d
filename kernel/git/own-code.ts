import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** What a repository can make git do by itself, as it is now. */
export interface OwnCode {
  /** Files of the git folder that decide it, relative to it, sorted: configurations, attributes, hooks. */
  readonly files: readonly string[];
  /** Lower-case hexadecimal SHA-256 over names and bytes of these files. */
  readonly digest: string;
}

/**
 * Reads the files below a main git folder by which a repository runs code of its own: the configuration of it and of
 * every linked worktree, `info/attributes`, and the hooks that are no samples. A trust that names the digest ends when
 * one of them changes. What these files point at, such as hooks kept in the worktree, is not read.
 */
export async function readOwnCode(commonDir: string): Promise<OwnCode> {
  const hooks = (await namesIn(join(commonDir, "hooks"))).filter((name) => !name.endsWith(".sample"));
  const worktrees = await namesIn(join(commonDir, "worktrees"));
  const candidates = [
    "config",
    "config.worktree",
    join("info", "attributes"),
    ...hooks.map((name) => join("hooks", name)),
    ...worktrees.map((name) => join("worktrees", name, "config.worktree")),
  ].sort();
  const hash = createHash("sha256");
  const files: string[] = [];
  for (const name of candidates) {
    const bytes = await readFile(join(commonDir, name)).catch(() => undefined);
    if (bytes === undefined) continue;
    files.push(name);
    // Lengths keep one list of files from reading like another.
    hash.update(`${Buffer.byteLength(name)}:${name}${bytes.length}:`).update(bytes);
  }
  return { files, digest: hash.digest("hex") };
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
