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
  const entries: Entry[] = [];
  const skipped: { path: string; reason: string }[] = [];
  let bytes = 0;
  const tooLarge = (what: string): DomainError =>
    new DomainError("limit", `${root} holds ${what}`, {
      hint: "import a smaller folder, or a clean checkout without dependencies and build output",
    });

  const visit = async (folder: string): Promise<void> => {
    for (const child of await readdir(join(root, folder), { withFileTypes: true })) {
      if (child.name === ".git") continue;
      const path = folder === "" ? child.name : `${folder}/${child.name}`;
      if (entries.length >= limits.maxEntries) throw tooLarge(`more than ${limits.maxEntries} files`);
      if (!isPlain(path)) skipped.push({ path, reason: "its name holds characters that are not carried" });
      else if (child.isDirectory()) {
        entries.push({ kind: "folder", path, mode: 0o755 });
        await visit(path);
      } else if (child.isSymbolicLink()) {
        const target = await readlink(join(root, path));
        if (isInnerLink(path, target)) entries.push({ kind: "link", path, target });
        else skipped.push({ path, reason: "a link that leads outside the folder" });
      } else if (child.isFile()) {
        const file = await readRegular(join(root, path), limits.maxBytes - bytes);
        if (file === "too_large") throw tooLarge(`more than ${limits.maxBytes} bytes`);
        if (file === "not_regular") skipped.push({ path, reason: "not a regular file" });
        else {
          bytes += file.content.length;
          entries.push({
            kind: "file",
            path,
            mode: (file.mode & 0o111) === 0 ? 0o644 : 0o755,
            content: file.content,
          });
        }
      } else skipped.push({ path, reason: "not a regular file" });
    }
  };
  await visit("");
  return { entries, skipped, bytes };
}

/** A name that became a link or a pipe since it was listed is neither followed nor waited for. */
async function readRegular(
  path: string,
  maxBytes: number,
): Promise<{ readonly content: Buffer; readonly mode: number } | "too_large" | "not_regular"> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      if (error instanceof Error && "code" in error && (error.code === "ELOOP" || error.code === "ENXIO"))
        return null;
      throw error;
    },
  );
  if (file === null) return "not_regular";
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return "not_regular";
    if (stat.size > maxBytes) return "too_large";
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
