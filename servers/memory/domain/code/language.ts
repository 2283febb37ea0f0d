import { grammarOf } from "../../../../kernel/source-files.ts";

export type Language = "script" | "python" | "go" | "rust" | "java";

export function languageOf(path: string): Language | undefined {
  const grammar = grammarOf(path);
  return grammar === "typescript" || grammar === "tsx" || grammar === "javascript" ? "script" : grammar;
}

/** Files that say how imports are resolved. */
export function isManifest(path: string): boolean {
  return /(?:^|\/)(?:package\.json|[tj]sconfig(?:\.[\w-]+)*\.json|go\.mod|Cargo\.toml)$/.test(path);
}
