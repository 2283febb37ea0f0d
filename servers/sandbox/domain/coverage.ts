import { relativeTo } from "./test-report.ts";

/** How often each line that can run did run, by file. Paths are relative to the workspace where they lie there. */
export type Coverage = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** Lines by file, numbered from 1. */
export type Lines = ReadonlyMap<string, ReadonlySet<number>>;

/** Reads an lcov tracefile. Source: geninfo(1), records SF and DA. */
export function parseLcov(text: string, root: string): Coverage {
  const files = new Map<string, Map<number, number>>();
  let lines: Map<number, number> | undefined;
  for (const record of text.split("\n")) {
    if (record.startsWith("SF:")) lines = linesOf(files, relativeTo(root, record.slice(3).trim()));
    else if (record.startsWith("end_of_record")) lines = undefined;
    else if (lines !== undefined && record.startsWith("DA:")) {
      const [line = "", hits = ""] = record.slice(3).split(",");
      addHits(lines, Number(line), Number(hits));
    }
  }
  return files;
}

/**
 * Reads a profile of `go test -coverprofile`: blocks of lines. Files are named by import path, which ends in their
 * path in the workspace.
 *
 * Source: golang.org/x/tools/cover, `name.go:line.column,line.column statements count`.
 */
export function parseGoProfile(text: string): Coverage {
  const files = new Map<string, Map<number, number>>();
  for (const record of text.split("\n")) {
    const match = /^(.+):(\d+)\.\d+,(\d+)\.\d+ \d+ (\d+)$/.exec(record.trim());
    if (match === null) continue;
    const [, path = "", from, to, hits] = match;
    const lines = linesOf(files, path);
    const last = Math.min(Number(to), Number(from) + MAX_BLOCK);
    for (let line = Number(from); line <= last; line += 1) addHits(lines, line, Number(hits));
  }
  return files;
}

const MAX_BLOCK = 10_000;

function linesOf(files: Map<string, Map<number, number>>, file: string): Map<number, number> {
  const lines = files.get(file) ?? new Map<number, number>();
  files.set(file, lines);
  return lines;
}

function addHits(lines: Map<number, number>, line: number, hits: number): void {
  if (Number.isSafeInteger(line) && line > 0 && Number.isFinite(hits))
    lines.set(line, (lines.get(line) ?? 0) + hits);
}

/** The lines that a unified diff adds or changes, in the numbering of its new side. Source: git-diff(1), hunk headers. */
export function linesOfDiff(diff: string): Lines {
  const files = new Map<string, Set<number>>();
  let lines: Set<number> | undefined;
  let next = 0;
  let left = 0;
  for (const text of diff.split("\n")) {
    const hunk = /^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@/.exec(text);
    if (hunk !== null) {
      next = Number(hunk[1]);
      left = Number(hunk[2] ?? 1);
    } else if (left <= 0 && text.startsWith("+++ ")) {
      const path = unquote(text.slice(4).replace(/\t.*$/, ""));
      lines = path === "/dev/null" ? undefined : new Set();
      if (lines !== undefined) files.set(path.replace(/^b\//, ""), lines);
    } else if (left > 0 && text.startsWith("+")) {
      lines?.add(next);
      next += 1;
      left -= 1;
    } else if (left > 0 && (text.startsWith(" ") || text === "")) {
      next += 1;
      left -= 1;
    }
  }
  return files;
}

/** Git quotes names with special characters as C does; of the escapes only quotes and backslashes are undone. */
function unquote(path: string): string {
  return path.startsWith('"') && path.endsWith('"') ? path.slice(1, -1).replaceAll(/\\(["\\])/g, "$1") : path;
}

export interface CoverageSummary {
  /** 0..1 of the lines that can run. */
  readonly lines: number;
  readonly changedLines?: {
    /** 0..1 of the changed lines that can run; 1 where there are none. */
    readonly covered: number;
    readonly total: number;
    /** As `path:line` or `path:first-last`. */
    readonly uncovered: readonly string[];
  };
}

/** Sums up; null where the report names no line at all. Changed lines that cannot run (comments, types) are left out. */
export function summariseCoverage(coverage: Coverage, changed: Lines | null): CoverageSummary | null {
  const all = [...coverage.values()].flatMap((lines) => [...lines.values()]);
  if (all.length === 0) return null;
  const lines = ratio(all.filter((hits) => hits > 0).length, all.length);
  if (changed === null) return { lines };
  let covered = 0;
  let total = 0;
  const uncovered: string[] = [];
  for (const [file, numbers] of changed) {
    const known = coverage.get(file) ?? [...coverage].find(([path]) => path.endsWith(`/${file}`))?.[1];
    if (known === undefined) continue;
    const runnable = [...numbers].filter((line) => known.has(line)).toSorted((a, b) => a - b);
    const missed = runnable.filter((line) => known.get(line) === 0);
    total += runnable.length;
    covered += runnable.length - missed.length;
    uncovered.push(...ranges(missed).map((range) => `${file}:${range}`));
  }
  return { lines, changedLines: { covered: total === 0 ? 1 : ratio(covered, total), total, uncovered } };
}

function ratio(part: number, whole: number): number {
  return Math.round((part / whole) * 10_000) / 10_000;
}

function ranges(sorted: readonly number[]): readonly string[] {
  const found: (readonly [first: number, last: number])[] = [];
  for (const line of sorted) {
    const [first, last] = found.at(-1) ?? [0, -1];
    if (line === last + 1) found[found.length - 1] = [first, line];
    else found.push([line, line]);
  }
  return found.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`));
}
