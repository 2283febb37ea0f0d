const BY_EXTENSION: Readonly<Record<string, string>> = {
  py: "python",
  js: "javascript",
  mjs: "javascript",
  cjs: "javascript",
  jsx: "javascript",
  ts: "typescript",
  mts: "typescript",
  tsx: "typescript",
  go: "go",
  rs: "rust",
  java: "java",
  rb: "ruby",
  php: "php",
  c: "c",
  h: "c",
  cpp: "cpp",
  cs: "csharp",
  kt: "kotlin",
  swift: "swift",
  sh: "shell",
  sql: "sql",
};

/** How a definition begins in languages that can be told by it. The first that fits is taken. */
const BY_LOOK: readonly (readonly [RegExp, string])[] = [
  [/^\s*(?:async )?def \w+\s*\([^{]*\)\s*(?:->[^:{]+)?:|^\s*class \w+(?:\([^{]*\))?:/m, "python"],
  [/^\s*(?:pub(?:\([a-z]+\))? )?(?:async |unsafe )*fn \w+/m, "rust"],
  [/^\s*func (?:\([^)]*\) )?\w+\s*\(/m, "go"],
  [/^\s*(?:public|private|protected) (?:static )?(?:final )?[\w<>[\]]+ \w+\s*\(/m, "java"],
  [/^\s*(?:export )?(?:async )?function\*? \w*\s*\(/m, "javascript"],
];

/** The language of code, by its file's name or else by its first definition; undefined where neither tells. */
export function languageOf(path: string | undefined, text: string): string | undefined {
  const extension = /\.([a-z]+)$/i.exec(path ?? "")?.[1]?.toLowerCase() ?? "";
  if (Object.hasOwn(BY_EXTENSION, extension)) return BY_EXTENSION[extension];
  const head = text.slice(0, 2_000);
  return BY_LOOK.find(([look]) => look.test(head))?.[1];
}
