/** What a caller has to give to call something; null where it is not called, or where that is not known. */
export type Signature = {
  readonly required: number;
  /** Infinity where it takes any number. */
  readonly most: number;
} | null;

/** What others may use, by name: `f`, `Class`, `Class.method`. */
export type Surface = ReadonlyMap<string, Signature>;

/** What those who use a surface can no longer do. One line each. Source: semver.org, 8 ("backward incompatible"). */
export function surfaceBreaks(before: Surface, after: Surface, where: string): readonly string[] {
  return [...before].flatMap(([name, old]) => {
    const now = after.get(name);
    if (now === undefined) {
      // Members go with what they belong to.
      const owner = name.split(".")[0] ?? name;
      return owner !== name && !after.has(owner) ? [] : [`${name} of ${where} is gone`];
    }
    if (old === null || now === null) return [];
    if (now.required > old.required)
      return [`${name} of ${where} takes ${now.required} arguments at least, and took ${old.required}`];
    return now.most < old.most ? [`${name} of ${where} takes fewer arguments`] : [];
  });
}

/**
 * What those who install a package can no longer do: an entry of `exports`, a `main` or a command of `bin` that is gone,
 * or another module system. Null where nothing was packaged.
 */
export function packageBreaks(before: unknown, after: unknown, where: string): readonly string[] | null {
  if (!isRecord(before)) return null;
  const now = isRecord(after) ? after : {};
  const gone = (kind: string, old: readonly string[], kept: readonly string[]): readonly string[] =>
    old.filter((entry) => !kept.includes(entry)).map((entry) => `${kind} ${entry} of ${where} is gone`);
  const hasEntries = [before["exports"], before["main"], before["bin"]].some((value) => value !== undefined);
  if (!hasEntries) return null;
  const takesExports = before["exports"] === undefined && now["exports"] !== undefined;
  return [
    ...gone("the entry", entriesOf(before["exports"]), entriesOf(now["exports"])),
    // With `exports` every other path of the package is closed.
    ...(takesExports ? [`paths of ${where} that exports does not name are closed`] : []),
    ...(typeof before["main"] === "string" && now["main"] === undefined && now["exports"] === undefined
      ? [`the main of ${where} is gone`]
      : []),
    ...gone("the command", namesOf(before["bin"], before["name"]), namesOf(now["bin"], now["name"])),
    ...((before["type"] ?? "commonjs") === (now["type"] ?? "commonjs")
      ? []
      : [`the module system of ${where} is another`]),
  ];
}

/** The keys of `exports`, "." where it is a text or conditions only. */
function entriesOf(exports: unknown): readonly string[] {
  if (exports === undefined || exports === null) return [];
  if (!isRecord(exports)) return ["."];
  const keys = Object.keys(exports).filter((key) => key.startsWith(".") && exports[key] !== null);
  return keys.length === 0 ? ["."] : keys;
}

function namesOf(bin: unknown, name: unknown): readonly string[] {
  if (typeof bin === "string") return [String(name)];
  return isRecord(bin) ? Object.keys(bin) : [];
}

/** Every file that a package's manifest names as an entry, as it is written there. */
export function entryFiles(manifest: unknown): readonly string[] {
  if (!isRecord(manifest)) return [];
  const found: string[] = [];
  const collect = (value: unknown, depth: number): void => {
    if (typeof value === "string") found.push(value);
    else if (isRecord(value) && depth < 6) for (const each of Object.values(value)) collect(each, depth + 1);
  };
  for (const key of ["exports", "main", "module", "browser"]) collect(manifest[key], 0);
  return [...new Set(found.map((path) => path.replace(/^\.\//, "")))].filter((path) => !path.includes("*"));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
