/** What one side wrote where the other wrote something else. */
export interface ConflictBlock {
  readonly ours: readonly string[];
  readonly base: readonly string[];
  readonly theirs: readonly string[];
}

type Part =
  | { readonly kind: "text"; readonly lines: readonly string[] }
  | ({ readonly kind: "conflict" } & ConflictBlock);

/** Takes a text with conflict markers of style diff3 apart; undefined when the markers do not pair up. */
export function parseConflicts(text: string): readonly Part[] | undefined {
  const parts: Part[] = [];
  let plain: string[] = [];
  let block: { ours: string[]; base: string[]; theirs: string[] } | undefined;
  let side: "ours" | "base" | "theirs" = "ours";
  for (const line of text.split("\n")) {
    if (/^<{7}(?: |$)/.test(line)) {
      if (block !== undefined) return undefined;
      parts.push({ kind: "text", lines: plain });
      plain = [];
      block = { ours: [], base: [], theirs: [] };
      side = "ours";
    } else if (block === undefined) plain.push(line);
    else if (/^\|{7}(?: |$)/.test(line)) side = "base";
    else if (/^={7}\r?$/.test(line)) side = "theirs";
    else if (/^>{7}(?: |$)/.test(line)) {
      parts.push({ kind: "conflict", ...block });
      block = undefined;
    } else block[side].push(line);
  }
  if (block !== undefined) return undefined;
  parts.push({ kind: "text", lines: plain });
  return parts;
}

/**
 * The text with what both sides added, the target's lines first, when nothing stood there before and the additions are
 * whole and name different things; else undefined. Whether the result is sound is for a parser to say.
 */
export function uniteAdditions(text: string): string | undefined {
  const parts = parseConflicts(text);
  if (parts === undefined) return undefined;
  const lines: string[] = [];
  for (const part of parts) {
    if (part.kind === "text") lines.push(...part.lines);
    else if (isUnion(part)) lines.push(...part.ours, ...part.theirs);
    else return undefined;
  }
  return lines.join("\n");
}

function isUnion({ ours, base, theirs }: ConflictBlock): boolean {
  if (base.some((line) => line.trim() !== "")) return false;
  if (!isBalanced(ours) || !isBalanced(theirs)) return false;
  const names = new Set(outermost(ours).flatMap(namesOf));
  return outermost(theirs).every((line) => namesOf(line).every((name) => !names.has(name)));
}

/** The lines that are indented least: what is inside of them cannot clash with the other side. */
function outermost(lines: readonly string[]): readonly string[] {
  const depth = (line: string): number => line.length - line.trimStart().length;
  const written = lines.filter((line) => line.trim() !== "");
  const least = Math.min(...written.map(depth));
  return written.filter((line) => depth(line) === least);
}

/** Whether every bracket that is opened is closed again: a block that ends inside of something is no addition. */
function isBalanced(lines: readonly string[]): boolean {
  const open: string[] = [];
  const closing: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };
  for (const char of lines.join("\n")) {
    if (char === "(" || char === "[" || char === "{") open.push(char);
    const opener = closing[char];
    if (opener !== undefined && open.pop() !== opener) return false;
  }
  return open.length === 0;
}

const WORDS_BEFORE_NAMES =
  /^(?:import|export|from|as|default|declare|abstract|public|private|protected|static|readonly|async|function\*?|class|const|let|var|interface|type|enum|get|set|namespace|case)$/;

/** What a line gives a name to: a declaration, a member, a key, an imported name. Better one too many than one missing. */
function namesOf(line: string): readonly string[] {
  const text = line.trim();
  const imported = /^(?:import|export)\b[^{]*\{([^}]*)\}/.exec(text)?.[1];
  if (imported !== undefined) return imported.split(",").map((part) => part.trim().split(/\s+/).at(-1) ?? "");
  const key = /^"((?:[^"\\]|\\.)*)"\s*:/.exec(text)?.[1];
  if (key !== undefined) return [key];
  const words = text.split(/[^\w$]+/).filter((word) => word !== "");
  const name = words.find((word) => !WORDS_BEFORE_NAMES.test(word));
  return name === undefined || text === "" ? [] : [name];
}
