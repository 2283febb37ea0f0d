import { readFileSync } from "node:fs";
import { DomainError } from "../../../kernel/errors.ts";
import type { ChangeMetrics } from "../domain/learning/features.ts";
import type { PastChange } from "../domain/learning/replay.ts";
import { readCsv } from "./csv.ts";

/** The names a column may have; the first that is there counts. */
const DATE = ["date", "author_date"];
const LABEL = ["bug", "buggy"];
const METRICS: Readonly<Record<keyof ChangeMetrics, readonly string[]>> = {
  ns: ["ns"],
  nd: ["nd"],
  nf: ["nf"],
  entropy: ["entrophy", "ent"],
  la: ["la"],
  ld: ["ld"],
  lt: ["lt"],
  fix: ["fix"],
  ndev: ["ndev"],
  age: ["age"],
  nuc: ["nuc"],
  exp: ["exp", "aexp"],
  rexp: ["rexp", "arexp"],
  sexp: ["sexp", "asexp"],
};
/** How programs write that there is no number, or none that is finite. */
const NOT_A_NUMBER = /^\s*(?:[+-]?(?:nan|inf|infinity)|n\/?a|null|none)\s*$/i;
/** The year 5138 in seconds, 1973 in milliseconds. */
const LATEST_S = 100_000_000_000;

export interface PastChanges {
  readonly changes: readonly PastChange[];
  /** Metrics the file has no column for. */
  readonly missing: readonly string[];
  /** Values that are negative or no finite number, taken as unknown. */
  readonly unusable: number;
}

/**
 * Reads labelled changes from a CSV file, in its order. Columns are found by name and all others are ignored. A metric
 * that is empty, negative or not a finite number (NaN, inf, NA …) is unknown.
 *
 * @throws {DomainError} not_found when the file can't be read; invalid, naming line and column, for anything else that
 * is not a date in unix seconds, a label (0, 1, true, false) or a metric, and when there is nothing to learn.
 */
export function readPastChanges(path: string): PastChanges {
  return parsePastChanges(textOf(path));
}

/** `readPastChanges` of a text. */
export function parsePastChanges(text: string): PastChanges {
  const { header, rows } = readCsv(text);
  const find = (names: readonly string[]): number => {
    const name = names.find((candidate) => header.includes(candidate));
    if (name === undefined) return -1;
    const column = header.indexOf(name);
    if (header.includes(name, column + 1))
      throw new DomainError("invalid", `the column ${name} is there twice`);
    return column;
  };
  const dateColumn = required(find(DATE), DATE);
  const labelColumn = required(find(LABEL), LABEL);
  const columns = Object.entries(METRICS).map(([metric, names]) => [metric, find(names)] as const);
  const missing = columns.filter(([, column]) => column === -1).map(([metric]) => metric);
  if (missing.length === columns.length)
    throw new DomainError("invalid", "no column is a change metric", {
      hint: `such as ${Object.keys(METRICS).join(", ")}`,
    });
  if (rows.length === 0) throw new DomainError("invalid", "there are no rows below the header");
  const columnOf = new Map<string, number>(columns);
  let unusable = 0;
  const changes = rows.map(({ line, fields }, row): PastChange => {
    const metric = (name: keyof ChangeMetrics): number | null => {
      const column = columnOf.get(name) ?? -1;
      const value = column === -1 ? null : metricOf(fields[column] ?? "", line, header[column] ?? "");
      if (value === null || (Number.isFinite(value) && value >= 0)) return value;
      unusable += 1;
      return null;
    };
    return {
      row,
      at: dateOf(fields[dateColumn] ?? "", line, header[dateColumn] ?? ""),
      label: labelOf(fields[labelColumn] ?? "", line, header[labelColumn] ?? ""),
      metrics: {
        ns: metric("ns"),
        nd: metric("nd"),
        nf: metric("nf"),
        entropy: metric("entropy"),
        la: metric("la"),
        ld: metric("ld"),
        lt: metric("lt"),
        fix: metric("fix"),
        ndev: metric("ndev"),
        age: metric("age"),
        nuc: metric("nuc"),
        exp: metric("exp"),
        rexp: metric("rexp"),
        sexp: metric("sexp"),
      },
    };
  });
  if (new Set(changes.map(({ label }) => label)).size === 1)
    throw new DomainError(
      "invalid",
      `every row has the label ${changes[0]?.label}: there is nothing to tell apart`,
    );
  return { changes, missing, unusable };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new DomainError("not_found", `${path} can't be read`, { hint: "name a CSV file", cause });
  }
}

function required(column: number, names: readonly string[]): number {
  if (column !== -1) return column;
  throw new DomainError("invalid", `there is no column ${names.join(" or ")}`, {
    hint: "the first line names the columns",
  });
}

function dateOf(text: string, line: number, column: string): number {
  const value = numberOf(text);
  if (value === undefined || value < 0 || value >= LATEST_S)
    throw new DomainError("invalid", `line ${line}: ${column} ${shown(text)} is not a time in unix seconds`);
  return value;
}

function labelOf(text: string, line: number, column: string): 0 | 1 {
  const value = truth(text) ?? numberOf(text);
  if (value === 0 || value === 1) return value;
  throw new DomainError("invalid", `line ${line}: ${column} ${shown(text)} is not 0, 1, true or false`);
}

function metricOf(text: string, line: number, column: string): number | null {
  if (text.trim() === "") return null;
  const value = NOT_A_NUMBER.test(text) ? Number.NaN : (truth(text) ?? numberOf(text));
  if (value === undefined)
    throw new DomainError("invalid", `line ${line}: ${column} ${shown(text)} is not a number`);
  return value;
}

/** Undefined for what is not a finite decimal number. */
function numberOf(text: string): number | undefined {
  if (!/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function truth(text: string): 0 | 1 | undefined {
  const word = text.trim().toLowerCase();
  if (word === "true") return 1;
  return word === "false" ? 0 : undefined;
}

/** A field of somebody's file, short and on one line. */
function shown(text: string): string {
  return text.trim() === "" ? "(empty)" : JSON.stringify(text.slice(0, 40));
}
