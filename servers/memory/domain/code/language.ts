/** A grammar that reads a file, which is more than its language: TypeScript with JSX has its own. */
export type Grammar = "typescript" | "tsx" | "javascript" | "python" | "go" | "rust" | "java";

export type Language = "script" | "python" | "go" | "rust" | "java";

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

/** The grammar for a file by its ending; undefined for what is no source of a known language. */
export function grammarOf(path: string): Grammar | undefined {
  return GRAMMARS.get(/\.([a-z]+)$/.exec(path)?.[1] ?? "");
}

export function languageOf(path: string): Language | undefined {
  const grammar = grammarOf(path);
  return grammar === "typescript" || grammar === "tsx" || grammar === "javascript" ? "script" : grammar;
}

const TEST =
  /(?:^|\/)(?:tests?|__tests__|spec)\/|(?:^|\/)test_[^/]*\.pyi?$|(?:_test\.(?:go|pyi?)|[._-](?:test|spec)\.[cm]?[jt]sx?|Tests?\.java)$/;

/** Whether a path is a test by the customs of its language. */
export function isTestPath(path: string): boolean {
  return TEST.test(path);
}

/** Files that say how imports are resolved. */
export function isManifest(path: string): boolean {
  return /(?:^|\/)(?:package\.json|[tj]sconfig(?:\.[\w-]+)*\.json|go\.mod|Cargo\.toml)$/.test(path);
}
