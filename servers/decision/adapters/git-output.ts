import type { FileChange, PastCommit } from "../domain/change.ts";

const COUNTS = /^(\d+|-)\t(\d+|-)\t(.*)$/s;

/**
 * Reads `git diff --numstat -z`: `added TAB deleted TAB path NUL`, and for a rename
 * `added TAB deleted TAB NUL old NUL new NUL`. Binary files have "-" for both counts.
 * Source: git-diff(1), "The -z output format".
 */
export function parseNumstat(text: string): readonly FileChange[] {
  const fields = text.split("\0");
  const files: FileChange[] = [];
  for (let i = 0; i < fields.length; i += 1) {
    const match = COUNTS.exec(fields[i] ?? "");
    if (match === null) continue;
    const [, added = "-", deleted = "-", path = ""] = match;
    const counts = { added: countOf(added), deleted: countOf(deleted), linesBefore: null };
    if (path !== "") {
      files.push({ ...counts, path, previousPath: path });
      continue;
    }
    files.push({ ...counts, previousPath: fields[i + 1] ?? "", path: fields[i + 2] ?? "" });
    i += 2;
  }
  return files;
}

function countOf(text: string): number | null {
  return text === "-" ? null : Number.parseInt(text, 10);
}

/**
 * Reads `git log -z --name-only --format=%x01%ae%x00%ct%x00`. Each commit starts with SOH; a path cannot begin
 * with it unnoticed, because a header is recognised by its numeric second field as well.
 */
export function parseCommits(text: string): readonly PastCommit[] {
  const fields = text.split("\0");
  const commits: { author: string; at: number; paths: string[] }[] = [];
  for (let i = 0; i < fields.length; i += 1) {
    const field = (fields[i] ?? "").replace(/^\n/, "");
    const seconds = fields[i + 1] ?? "";
    if (field.startsWith("\u0001") && /^\d+$/.test(seconds)) {
      commits.push({ author: field.slice(1), at: Number.parseInt(seconds, 10) * 1_000, paths: [] });
      i += 1;
    } else if (field !== "") commits.at(-1)?.paths.push(field);
  }
  return commits;
}
