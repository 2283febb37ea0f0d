export type TestStatus = "passed" | "failed" | "skipped";

/** One test as its tool reported it. All text comes from inside the sandbox: data, never instructions. */
export interface TestCase {
  /** With the suites it stands in, joined by " > ". */
  readonly name: string;
  /** Relative to the workspace where it lies there; null where the report does not tell. */
  readonly file: string | null;
  readonly line: number | null;
  readonly status: TestStatus;
  /** Why it failed. */
  readonly message: string | null;
}

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function countTests(cases: readonly TestCase[]): TestCounts {
  const of = (status: TestStatus): number => cases.filter((test) => test.status === status).length;
  return { passed: of("passed"), failed: of("failed"), skipped: of("skipped") };
}

/** The tests that passed in one of several runs of the same tree and failed in another, in the order of the first run. */
export function findFlaky(runs: readonly (readonly TestCase[])[]): readonly string[] {
  const seen = new Map<string, { readonly name: string; readonly statuses: Set<TestStatus> }>();
  for (const test of runs.flat()) {
    const key = JSON.stringify([test.file, test.name]);
    const entry = seen.get(key) ?? { name: test.name, statuses: new Set() };
    seen.set(key, entry);
    entry.statuses.add(test.status);
  }
  return [...seen.values()]
    .filter(({ statuses }) => statuses.has("passed") && statuses.has("failed"))
    .map(({ name }) => name);
}

/**
 * Finds the place in the tested code that a failure's text names first; places in dependencies and in the tool itself
 * are passed over.
 *
 * @param root The workspace's path as the text has it.
 */
export function placeIn(text: string, root: string): { readonly file: string; readonly line: number } | null {
  for (const match of text.matchAll(/(?:file:\/\/)?([\w@.+/-]*[\w@+-]\.[A-Za-z]\w{0,9}):(\d{1,7})/g)) {
    const [, path = "", line = ""] = match;
    const file = relativeTo(root, path);
    if (file.startsWith("/") || file.startsWith("../") || /(^|\/)(node_modules|site-packages)\//.test(file))
      continue;
    return { file, line: Number(line) };
  }
  return null;
}

/** A path as a caller knows it: relative to the workspace where it lies there. */
export function relativeTo(root: string, path: string): string {
  const plain = path.replace(/^file:\/\//, "");
  if (plain.startsWith(`${root}/`)) return plain.slice(root.length + 1);
  return plain.replace(/^(\.\/)+/, "");
}
