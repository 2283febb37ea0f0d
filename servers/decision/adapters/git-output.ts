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

const HUNK = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/**
 * The lines that a change added or altered, by path, from `git diff --patch --unified=0`. The lines of a hunk are
 * counted, not recognised: an added line that reads "++ b/x" looks like a header. Quoted names are left out.
 */
export function parseChangedLines(text: string): ReadonlyMap<string, readonly number[]> {
  const changed = new Map<string, number[]>();
  let lines: number[] | undefined;
  const all = text.split("\n");
  for (let i = 0; i < all.length; i += 1) {
    const line = all[i] ?? "";
    const hunk = HUNK.exec(line);
    if (hunk !== null) {
      const [start, added] = [Number(hunk[2]), Number(hunk[3] ?? 1)];
      for (let k = 0; k < added; k += 1) lines?.push(start + k);
      i += hunkLength(all, i + 1, Number(hunk[1] ?? 1) + added);
    } else if (line.startsWith("+++ b/")) {
      lines = [];
      changed.set(line.slice("+++ b/".length).replace(/\t$/, ""), lines);
    } else if (line.startsWith("diff --git ")) lines = undefined;
  }
  return changed;
}

/** How many lines the hunk takes up: those that it counts, and notes about a missing end of line. */
function hunkLength(lines: readonly string[], from: number, counted: number): number {
  let [length, left] = [0, counted];
  while (from + length < lines.length && (left > 0 || lines[from + length]?.startsWith("\\ ") === true)) {
    if (lines[from + length]?.startsWith("\\ ") !== true) left -= 1;
    length += 1;
  }
  return length;
}

/**
 * Reads `git cat-file --batch` for names in the order in which they were asked: `id SP blob SP bytes LF content LF`, or a
 * line without a size where there is none. What holds a NUL is no text and left out.
 * Source: git-cat-file(1), "Batch output".
 */
export function parseBatch(bytes: Buffer, asked: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let at = 0;
  for (const name of asked) {
    const end = bytes.indexOf("\n", at);
    if (end === -1) break;
    const header = /^[0-9a-f]+ (\w+) (\d+)$/.exec(bytes.toString("utf8", at, end));
    at = end + 1;
    if (header === null) continue;
    const content = bytes.subarray(at, at + Number(header[2]));
    at += Number(header[2]) + 1;
    if (header[1] === "blob" && !content.includes(0)) found.set(name, content.toString("utf8"));
  }
  return found;
}
