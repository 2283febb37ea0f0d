import type { GitPath } from "./path.ts";

export type FileStatus = "added" | "modified" | "deleted" | "type_changed" | "conflicted";

export interface FileChange {
  readonly path: GitPath;
  readonly status: FileStatus;
  /** Lines; 0 for a binary file. */
  readonly added: number;
  readonly removed: number;
  readonly binary: boolean;
}

const STATUS: Readonly<Record<string, FileStatus>> = {
  A: "added",
  M: "modified",
  D: "deleted",
  T: "type_changed",
  U: "conflicted",
};

/**
 * Reads `git diff --raw --numstat -z --no-renames`: first a raw record per file (two fields), then a numstat record per
 * file. Source: git-diff(1), "Raw output format" and "Other diff formats".
 */
export function parseChanges(output: GitPath): readonly FileChange[] {
  const fields = output.split("\0");
  const statuses = new Map<GitPath, FileStatus>();
  const changes: FileChange[] = [];
  for (let at = 0; at < fields.length; at += 1) {
    const field = fields[at] ?? "";
    if (field.startsWith(":")) {
      at += 1;
      const status = STATUS[field.split(" ")[4]?.[0] ?? ""] ?? "modified";
      const path = fields[at] ?? "";
      // An unmerged path is listed twice.
      if (statuses.get(path) !== "conflicted") statuses.set(path, status);
      continue;
    }
    const [added, removed, ...name] = field.split("\t");
    if (added === undefined || removed === undefined || name.length === 0) continue;
    const path = name.join("\t");
    changes.push({
      path,
      status: statuses.get(path) ?? "modified",
      added: added === "-" ? 0 : Number(added),
      removed: removed === "-" ? 0 : Number(removed),
      binary: added === "-",
    });
    statuses.delete(path);
  }
  // A conflicted path has no line counts.
  for (const [path, status] of statuses) changes.push({ path, status, added: 0, removed: 0, binary: false });
  return changes;
}

/** Where a reader of a long diff goes on. The stamp names what is compared, so that a moved branch is noticed. */
export interface DiffCursor {
  readonly part: "files" | "patch";
  /** Index of the next file, or offset of the next byte of the patch. */
  readonly at: number;
  readonly stamp: string;
}

export function formatCursor(cursor: DiffCursor): string {
  return `${cursor.part}.${cursor.at}.${cursor.stamp}`;
}

/** Undefined when the text is not one of our cursors. */
export function parseCursor(text: string): DiffCursor | undefined {
  const match = /^(files|patch)\.(\d{1,12})\.([0-9a-z-]{1,200})$/.exec(text);
  const [, part, at, stamp] = match ?? [];
  if ((part !== "files" && part !== "patch") || at === undefined || stamp === undefined) return undefined;
  return { part, at: Number(at), stamp };
}
