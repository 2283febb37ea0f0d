import { constants } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { isInnerLink, workspacePath } from "../domain/workspace-path.ts";
import type { ArchiveLimits, Entry } from "./archive.ts";

export interface HostTree {
  readonly entries: readonly Entry[];
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  /** Of the contents. */
  readonly bytes: number;
}

/**
 * Reads a folder of the host: regular files, folders, and links that stay inside it. `.git` is left out wherever it
 * is; links that lead outside, pipes, sockets and devices are named as skipped. Modes become 644 or 755.
 *
 * @param root The real path of a folder below an allowed root.
 * @throws {DomainError} limit when it is larger than the limits, invalid when it is not a folder.
 */
export async function readHostTree(root: string, limits: ArchiveLimits): Promise<HostTree> {
  if (!(await lstat(root)).isDirectory())
    throw new DomainError("invalid", `${root} is not a folder`, { hint: "give a folder" });
  const tooLarge = (what: string): DomainError =>
    new DomainError("limit", `${root} holds ${what}`, {
      hint: "import a smaller folder, or a clean checkout without dependencies and build output",
    });
  const entries: Entry[] = [];
  const files: string[] = [];
  const skipped: { path: string; reason: string }[] = [];

  const visit = async (folder: string): Promise<void> => {
    for (const child of await readdir(join(root, folder), { withFileTypes: true })) {
      if (child.name === ".git") continue;
      const path = folder === "" ? child.name : `${folder}/${child.name}`;
      if (entries.length + files.length >= limits.maxEntries)
        throw tooLarge(`more than ${limits.maxEntries} files`);
      if (!isPlain(path)) skipped.push({ path, reason: "its name holds characters that are not carried" });
      else if (child.isFile()) files.push(path);
      else if (child.isDirectory()) {
        entries.push({ kind: "folder", path, mode: 0o755 });
        await visit(path);
      } else if (child.isSymbolicLink()) {
        const target = await readlink(join(root, path));
        if (isInnerLink(path, target)) entries.push({ kind: "link", path, target });
        else skipped.push({ path, reason: "a link that leads outside the folder" });
      } else skipped.push({ path, reason: "not a regular file" });
    }
  };
  await visit("");

  let bytes = 0;
  const reserve = (size: number): void => {
    bytes += size;
    if (bytes > limits.maxBytes) throw tooLarge(`more than ${limits.maxBytes} bytes`);
  };
  const waiting = files.values();
  const read = async (): Promise<void> => {
    for (const path of waiting) {
      const file = await readRegular(join(root, path), reserve);
      if (typeof file === "string") skipped.push({ path, reason: file });
      else
        entries.push({
          kind: "file",
          path,
          mode: (file.mode & 0o111) === 0 ? 0o644 : 0o755,
          content: file.content,
        });
    }
  };
  await Promise.all(Array.from({ length: READERS }, read));
  return { entries, skipped, bytes };
}

const UNREADABLE: ReadonlyMap<string, string> = new Map([
  ["ELOOP", "not a regular file"],
  ["ENXIO", "not a regular file"],
  ["EACCES", "this server may not read it"],
  ["ENOENT", "it went away meanwhile"],
]);

/** Files read at one time. */
const READERS = 16;

/**
 * Reads a file, or says why it is left out. A name that became a link or a pipe since it was listed is neither followed
 * nor waited for.
 *
 * @param reserve Told the size before it is read; throws when that is too much.
 */
async function readRegular(
  path: string,
  reserve: (size: number) => void,
): Promise<{ readonly content: Buffer; readonly mode: number } | string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      const reason =
        error instanceof Error && "code" in error ? UNREADABLE.get(String(error.code)) : undefined;
      if (reason === undefined) throw error;
      return reason;
    },
  );
  if (typeof file === "string") return file;
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return "not a regular file";
    reserve(stat.size);
    return { content: await file.readFile(), mode: stat.mode };
  } finally {
    await file.close();
  }
}

function isPlain(path: string): boolean {
  try {
    return workspacePath(path) === path && !path.includes("\ufffd");
  } catch {
    return false;
  }
}
