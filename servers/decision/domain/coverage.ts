import { isTestPath } from "../../../kernel/source-files.ts";

/** Which lines of which files ran, as a coverage tool tells: times by line, by path as the tool writes it. */
export type LineCoverage = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** How much of what a change adds was run. */
export interface ChangedCoverage {
  readonly run: number;
  /** Changed lines that can run, and those of files that the report does not know. */
  readonly lines: number;
  /** Changed files that the report does not know. */
  readonly unknown: readonly string[];
}

/** Reads the tracefile of lcov. Source: geninfo(1), "Files": SF, DA, end_of_record. */
export function readLcov(text: string): LineCoverage {
  const files = new Map<string, Map<number, number>>();
  let lines: Map<number, number> | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("SF:")) lines = linesOf(files, line.slice(3).trim());
    else if (line === "end_of_record") lines = undefined;
    else if (line.startsWith("DA:")) {
      const [at, times] = line.slice(3).split(",", 2);
      note(lines, Number(at), Number(times));
    }
  }
  return files;
}

/** Reads Cobertura's XML as coverage.py and others write it: `<class filename>` with `<line number hits>` inside. */
export function readCobertura(text: string): LineCoverage {
  const files = new Map<string, Map<number, number>>();
  let lines: Map<number, number> | undefined;
  for (const [tag] of text.matchAll(/<(?:class|line)\s[^<>]{1,2000}>|<\/class>/g)) {
    if (tag.startsWith("<class")) lines = linesOf(files, attribute(tag, "filename"));
    else if (tag === "</class>") lines = undefined;
    else note(lines, Number(attribute(tag, "number")), Number(attribute(tag, "hits")));
  }
  return files;
}

/** Reads istanbul's coverage-final.json, or the JSON of coverage.py; null where it is neither. */
export function readCoverageJson(report: unknown): LineCoverage | null {
  if (!isRecord(report)) return null;
  const files = new Map<string, Map<number, number>>();
  const python = report["files"];
  if (isRecord(python) && isRecord(report["meta"])) {
    for (const [path, file] of Object.entries(python)) {
      if (!isRecord(file)) continue;
      const lines = linesOf(files, path);
      for (const line of numbers(file["executed_lines"])) note(lines, line, 1);
      for (const line of numbers(file["missing_lines"])) note(lines, line, 0);
    }
    return files;
  }
  for (const [path, file] of Object.entries(report)) {
    if (!isRecord(file) || !isRecord(file["statementMap"]) || !isRecord(file["s"])) return null;
    const lines = linesOf(files, typeof file["path"] === "string" ? file["path"] : path);
    for (const [id, place] of Object.entries(file["statementMap"])) {
      const start = isRecord(place) && isRecord(place["start"]) ? place["start"]["line"] : undefined;
      note(lines, Number(start), Number(file["s"][id]));
    }
  }
  return files.size === 0 ? null : files;
}

const NOT_RUN = /\.d\.[cm]?ts$|\.config\.\w+$/;

/**
 * Holds changed lines against a report. Files of tests are left out; a changed file that the report does not know was
 * run by nothing. Null where nothing that changed can run.
 */
export function coverageOfChange(
  report: LineCoverage,
  changed: ReadonlyMap<string, readonly number[]>,
): ChangedCoverage | null {
  let [run, lines] = [0, 0];
  const unknown: string[] = [];
  for (const [path, numbersOf] of changed) {
    if (isTestPath(path) || NOT_RUN.test(path) || numbersOf.length === 0) continue;
    const known = report.get(path) ?? endingWith(report, path);
    if (known === undefined) {
      unknown.push(path);
      lines += numbersOf.length;
      continue;
    }
    for (const line of numbersOf) {
      const times = known.get(line);
      if (times === undefined) continue;
      lines += 1;
      if (times > 0) run += 1;
    }
  }
  return lines === 0 ? null : { run, lines, unknown };
}

/** Tools name files as the machine that ran the tests does: by the end of their path. */
function endingWith(report: LineCoverage, path: string): ReadonlyMap<number, number> | undefined {
  for (const [name, lines] of report) if (name.endsWith(`/${path}`)) return lines;
  return undefined;
}

function linesOf(files: Map<string, Map<number, number>>, path: string): Map<number, number> {
  const name = path.replace(/^\.\//, "");
  const lines = files.get(name) ?? new Map<number, number>();
  files.set(name, lines);
  return lines;
}

/** Of two statements on a line, and of two reports of it, the one that ran counts. */
function note(lines: Map<number, number> | undefined, line: number, times: number): void {
  if (lines === undefined || !Number.isSafeInteger(line) || line < 1 || !(times >= 0)) return;
  lines.set(line, Math.max(lines.get(line) ?? 0, times));
}

function attribute(tag: string, name: string): string {
  return new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? "";
}

function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "number") : [];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
