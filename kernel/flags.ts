import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { DomainError } from "./errors.ts";

/** Parsed flags: those given, by name, and the words that are not flags, in order. */
export interface Flags {
  readonly words: readonly string[];
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  has(name: string): boolean;
  /** @throws {DomainError} invalid when the value is not a whole number in the range. */
  int(name: string, min: number, max: number): number | undefined;
  number(name: string, min: number, max: number): number | undefined;
}

/**
 * Parses a command line strictly.
 *
 * @throws {DomainError} invalid for an unknown flag (naming the nearest known one), a missing value or, when
 * `maxWords` is given, a surplus word.
 */
export function parseFlags(
  argv: readonly string[],
  options: ParseArgsOptionsConfig,
  maxWords = Number.POSITIVE_INFINITY,
): Flags {
  const known = Object.keys(options);
  const parsed = (() => {
    try {
      return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
    } catch (error) {
      throw usageError(error, known);
    }
  })();
  if (parsed.positionals.length > maxWords) {
    throw new DomainError("invalid", `unexpected argument "${parsed.positionals[maxWords] ?? ""}"`, {
      hint: "see --help",
    });
  }
  const values: Readonly<Record<string, unknown>> = parsed.values;
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  const number = (name: string, min: number, max: number): number | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const parsedNumber = Number(value);
    if (value.trim() === "" || !Number.isFinite(parsedNumber) || parsedNumber < min || parsedNumber > max) {
      throw new DomainError("invalid", `--${name} takes a number from ${min} to ${max}, not "${value}"`, {
        hint: "see --help",
      });
    }
    return parsedNumber;
  };
  return {
    words: parsed.positionals,
    text,
    texts: (name) => {
      const value = values[name];
      return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
    },
    has: (name) => values[name] === true,
    number,
    int: (name, min, max) => {
      const value = number(name, min, max);
      if (value !== undefined && !Number.isInteger(value)) {
        throw new DomainError("invalid", `--${name} takes a whole number, not "${value}"`, {
          hint: "see --help",
        });
      }
      return value;
    },
  };
}

/** The flag that Node's parser complains about, as it was written. */
const COMPLAINT = /[Oo]ption '(?:-\w, )?(--?[^'\s]+)/;

function usageError(error: unknown, known: readonly string[]): unknown {
  if (!(error instanceof TypeError) || !("code" in error)) return error;
  const flag = COMPLAINT.exec(error.message)?.[1] ?? "";
  if (error.code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
    const near = nearest(flag.replace(/^--?/, ""), known);
    return new DomainError("invalid", `unknown flag ${flag}`, {
      hint: near === undefined ? "see --help" : `did you mean --${near}?`,
    });
  }
  const takesNone = error.message.includes("does not take an argument");
  const message = takesNone ? `${flag} takes no value` : `${flag} needs a value`;
  return new DomainError("invalid", flag === "" ? "the flags cannot be read" : message, {
    hint: "see --help",
  });
}

/** The known word within two edits of `word`, if any; ties go to the first. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = 3;
  for (const candidate of known) {
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
