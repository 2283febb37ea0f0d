/** One line of a CODEOWNERS file. No owners: explicitly nobody's. */
export interface OwnerRule {
  readonly pattern: RegExp;
  readonly owners: readonly string[];
}

const MAX_BYTES = 3 * 1024 * 1024;
const MAX_REVIEWERS = 15;
const OWNER = /^(?:@[A-Za-z0-9-]+(?:_[A-Za-z0-9]+)?(?:\/[\w.-]+)?|[^@\s]+@[^@\s]+\.[^@\s]+)$/;

/** Where the file may be, the first that is there counts. Source: GitHub documentation, "About code owners". */
export const CODEOWNERS_PATHS = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"] as const;

/**
 * Reads a CODEOWNERS file. Lines that the specification does not allow are left out, as the forge does; a file of 3 MB or
 * more counts as none. Source: GitHub documentation, "About code owners", "CODEOWNERS syntax".
 */
export function parseCodeowners(text: string): readonly OwnerRule[] {
  if (text.length >= MAX_BYTES) return [];
  const rules: OwnerRule[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [raw, ...rest] = fieldsOf(line);
    if (raw === undefined || raw.startsWith("!") || /[[\]]/.test(raw)) continue;
    if (!rest.every((owner) => OWNER.test(owner))) continue;
    rules.push({ pattern: compile(raw), owners: rest });
  }
  return rules;
}

/** Splits at blanks that no backslash precedes, and ends at a comment. */
function fieldsOf(line: string): readonly string[] {
  const fields: string[] = [];
  let field = "";
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] ?? "";
    if (char === "\\" && at + 1 < line.length) {
      field += `\\${line[at + 1] ?? ""}`;
      at += 1;
    } else if (/\s/.test(char)) {
      if (field !== "") fields.push(field);
      field = "";
    } else if (char === "#" && field === "") return fields;
    else field += char;
  }
  if (field !== "") fields.push(field);
  return fields;
}

/** Patterns are those of .gitignore but for `!`, `[]` and a leading `\#`; case matters. */
function compile(raw: string): RegExp {
  const isFolder = raw.endsWith("/");
  const body = raw.replace(/^\//, "").replace(/\/$/, "");
  // A pattern without a slash but at its end matches at any depth.
  const isAnchored = raw.startsWith("/") || body.includes("/");
  let source = isAnchored ? "^" : "^(?:.*/)?";
  for (let at = 0; at < body.length; at += 1) {
    const rest = body.slice(at);
    const char = body[at] ?? "";
    if (rest.startsWith("**/")) {
      source += "(?:.*/)?";
      at += 2;
    } else if (rest === "**") {
      source += ".*";
      at += 1;
    } else if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "\\") {
      source += escapeChar(body[at + 1] ?? "");
      at += 1;
    } else source += escapeChar(char);
  }
  // A star at the end matches files of that folder only; a name matches the file or all that lies below the folder.
  const end = isFolder ? "/.*$" : /(?:^|\/)\*$/.test(body) && body !== "*" ? "$" : "(?:/.*)?$";
  return new RegExp(source + end, "s");
}

function escapeChar(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** The owners of a file by the last rule that matches; undefined where none does, empty where it is nobody's. */
export function ownersOf(path: string, rules: readonly OwnerRule[]): readonly string[] | undefined {
  return rules.findLast(({ pattern }) => pattern.test(path))?.owners;
}

/** Whom to ask for a review of these files: each once, without the author and without e-mail addresses, at most 15. */
export function reviewersFor(
  files: readonly string[],
  rules: readonly OwnerRule[],
  author: string,
): readonly string[] {
  const found = new Set<string>();
  for (const file of files)
    for (const owner of ownersOf(file, rules) ?? [])
      if (owner.startsWith("@") && owner.toLowerCase() !== `@${author.toLowerCase()}`)
        found.add(owner.slice(1));
  return [...found].slice(0, MAX_REVIEWERS);
}
