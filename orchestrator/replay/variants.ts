import { applyHunks, linesOf, type Hunk } from "./hunks.ts";

/** One file of the right change. Texts are null where the file is not there, on that side. */
export interface ChangedFile {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
  /** From before to after; none where a side is missing or is no text. */
  readonly hunks: readonly Hunk[];
}

/** What a worker leaves behind: the content of files by path, null for those it removes. */
export type Submission = ReadonlyMap<string, string | null>;

/** How a replayed worker behaves, and what must become of its work. */
export const VARIANTS = {
  gold: { letter: "a", says: "the right change", must: "accept" },
  nothing: { letter: "b", says: "no change", must: "reject" },
  incomplete: { letter: "c", says: "a needed hunk is missing", must: "reject" },
  deleted_test: { letter: "d", says: "deletes the failing test", must: "reject" },
  skipped_test: { letter: "d", says: "skips the failing test", must: "reject" },
  unrelated_file: { letter: "e", says: "the right change and an unrelated file", must: "flag" },
  conflict: { letter: "f", says: "conflicts with what was merged meanwhile", must: "keep_whole" },
  syntax_error: { letter: "g", says: "a syntax error", must: "reject" },
  hang: { letter: "h", says: "never ends", must: "reject" },
} as const satisfies Readonly<
  Record<string, { readonly letter: string; readonly says: string; readonly must: string }>
>;

export type VariantName = keyof typeof VARIANTS;

/** All variants, in the order in which they are played. */
export const VARIANT_NAMES: readonly VariantName[] = [
  "gold",
  "nothing",
  "incomplete",
  "deleted_test",
  "skipped_test",
  "unrelated_file",
  "conflict",
  "syntax_error",
  "hang",
];

/** The right change as it is. */
export function gold(change: readonly ChangedFile[]): Submission {
  return new Map(change.map(({ path, after }) => [path, after]));
}

/** The right change and a file that nobody asked for. */
export function withUnrelatedFile(change: readonly ChangedFile[]): Submission {
  return new Map([...gold(change), [UNRELATED, "Notes to myself.\n"]]);
}

export const UNRELATED = "notes-to-myself.txt";

/**
 * The right change with one part left out, each part once: a hunk, a whole file, and half of the lines where a change
 * is a single hunk. Which of them is needed only the tests can tell; code comes before documents.
 */
export function incompletes(change: readonly ChangedFile[]): readonly Submission[] {
  const whole = gold(change);
  const parts = change.flatMap((file): readonly Submission[] => {
    if (file.before === null || file.after === null || file.hunks.length === 0)
      return change.length > 1 ? [without(whole, file)] : [];
    const { before, hunks } = file;
    const replaced = (kept: readonly Hunk[]): Submission =>
      new Map([...whole, [file.path, applyHunks(before, kept)]]);
    if (hunks.length > 1 || change.length > 1)
      return hunks.map((_hunk, at) => replaced(hunks.toSpliced(at, 1)));
    const [only] = hunks;
    if (only === undefined || only.added.length === 0) return [];
    const half = only.added.slice(0, Math.floor(only.added.length / 2));
    return only.removed === 0 && half.length === 0 ? [] : [replaced([{ ...only, added: half }])];
  });
  return parts.toSorted((one, other) => Number(isDocument(one, whole)) - Number(isDocument(other, whole)));
}

function without(whole: Submission, file: ChangedFile): Submission {
  const rest = new Map(whole);
  rest.delete(file.path);
  return rest;
}

/** Whether what a submission lacks is in a file that no program runs. */
function isDocument(part: Submission, whole: Submission): boolean {
  return [...whole].some(([path, content]) => part.get(path) !== content && languageOf(path) === null);
}

/** The failing tests removed, and nothing repaired. */
export function deletingTests(tests: readonly string[]): Submission | null {
  return tests.length === 0 ? null : new Map(tests.map((path) => [path, null]));
}

/** The failing tests told not to run, and nothing repaired; null where we do not know how that is said. */
export function skippingTests(tests: ReadonlyMap<string, string>): Submission | null {
  const skipped = [...tests].flatMap(([path, text]): readonly (readonly [string, string])[] => {
    const changed = skipIn(text, languageOf(path));
    return changed === text ? [] : [[path, changed]];
  });
  return skipped.length === 0 ? null : new Map(skipped);
}

function skipIn(text: string, language: Language | null): string {
  switch (language) {
    case "script":
      return text.replaceAll(/^(\s*)(describe|it|test|suite)\(/gmu, "$1$2.skip(");
    case "python":
      return `import pytest\npytestmark = pytest.mark.skip\n${text}`;
    case "go":
      return text.replaceAll(/^(func Test\w+\((\w+) \*testing\.T\) \{)/gmu, "$1 $2.Skip();");
    case "rust":
      return text.replaceAll(/^(\s*)#\[test\]/gmu, "$1#[test]\n$1#[ignore]");
    case null:
      return text;
  }
}

/** The right change with code that no parser takes; null where it changes no code. */
export function withSyntaxError(change: readonly ChangedFile[]): Submission | null {
  return appended(change, (text) => `${text}\n)]}\n`);
}

/** The right change with code that never ends once it is loaded; null where we do not know how that is said. */
export function withHang(change: readonly ChangedFile[]): Submission | null {
  return appended(change, (text, language) => {
    switch (language) {
      case "script":
        return `${text}\nwhile (true) {}\n`;
      case "python":
        return `${text}\nwhile True:\n    pass\n`;
      case "go":
        return `${text}\nfunc init() { for {} }\n`;
      case "rust":
        return null;
    }
  });
}

function appended(
  change: readonly ChangedFile[],
  spoil: (text: string, language: Language) => string | null,
): Submission | null {
  const spoilt = change.flatMap(({ path, after }): readonly (readonly [string, string])[] => {
    const language = languageOf(path);
    const text = language === null || after === null ? null : spoil(after, language);
    return text === null ? [] : [[path, text]];
  });
  return spoilt.length === 0 ? null : new Map([...gold(change), ...spoilt]);
}

/**
 * A harmless change to the very lines that the right change replaces: white space at the end of one. Null where the
 * right change touches no line that was there.
 */
export function meanwhile(change: readonly ChangedFile[]): Submission | null {
  for (const { path, before, hunks } of change) {
    const lines = linesOf(before ?? "");
    for (const { start } of hunks) {
      const at = Math.max(0, start - 1);
      const line = lines[at];
      if (line === undefined || /\\\s*$/u.test(line)) continue;
      return new Map([[path, lines.with(at, line.replace(/(\r?\n)?$/u, "  $1")).join("")]]);
    }
  }
  return null;
}

type Language = "script" | "python" | "go" | "rust";

function languageOf(path: string): Language | null {
  if (/\.d\.[cm]?ts$/u.test(path)) return null;
  if (/\.[cm]?[jt]sx?$/u.test(path)) return "script";
  if (path.endsWith(".py")) return "python";
  if (path.endsWith(".go")) return "go";
  return path.endsWith(".rs") ? "rust" : null;
}

/** Whether a path looks like a test's, by the customs of the languages we know. */
export function isTestPath(path: string): boolean {
  return (
    /(^|\/)(tests?|__tests__|spec|specs|testdata|fixtures)\//u.test(path) ||
    /([._-](test|spec)\.[cm]?[jt]sx?|_test\.(go|py|rs))$/u.test(path) ||
    /(^|\/)(test_[^/]+|conftest)\.py$/u.test(path) ||
    /(^|\/)test\.[cm]?[jt]sx?$/u.test(path)
  );
}
