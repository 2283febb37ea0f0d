/** A grammar that reads a file, which is more than its language: TypeScript with JSX has its own. */
export type Grammar = "typescript" | "tsx" | "javascript" | "python" | "go" | "rust" | "java";

const GRAMMARS: ReadonlyMap<string, Grammar> = new Map([
  ["ts", "typescript"],
  ["mts", "typescript"],
  ["cts", "typescript"],
  ["tsx", "tsx"],
  ["js", "javascript"],
  ["mjs", "javascript"],
  ["cjs", "javascript"],
  ["jsx", "javascript"],
  ["py", "python"],
  ["pyi", "python"],
  ["go", "go"],
  ["rs", "rust"],
  ["java", "java"],
]);

const TEST =
  /(?:^|\/)(?:tests?|__tests__|spec)\/|(?:^|\/)test_[^/]*\.pyi?$|(?:_test\.(?:go|pyi?)|[._-](?:test|spec)\.[cm]?[jt]sx?|Tests?\.java)$/;

/** The grammar for a file by its ending; undefined for what is no source of a known language. */
export function grammarOf(path: string): Grammar | undefined {
  return GRAMMARS.get(/\.([a-z]+)$/.exec(path)?.[1] ?? "");
}

/** Whether a path is a test by the customs of its language. */
export function isTestPath(path: string): boolean {
  return TEST.test(path);
}
