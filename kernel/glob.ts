/**
 * Whether a path of a repository is named by a glob: `**`, `*`, `?`, `{a,b}`, `[ab]`. Unlike in a shell, hidden files
 * count as any other and case is ignored, because a glob here says what must not be touched or stay inside. A glob
 * also names itself, letter for letter, and everything below it where that is a folder.
 */
export function matchesPath(path: string, glob: string): boolean {
  const plain = glob.replace(/^(\.?\/)+/, "").replace(/\/+$/, "");
  if (plain === "" || plain === ".") return glob !== "";
  const [low, wanted] = [path.toLowerCase(), plain.toLowerCase()];
  return (
    low === wanted ||
    low.startsWith(`${wanted}/`) ||
    new RegExp(`^(?:${toPattern(plain)})$`, "isu").test(path)
  );
}

/** The pattern of a glob as the source of a regular expression. */
function toPattern(glob: string): string {
  let pattern = "";
  let depth = 0;
  for (let at = 0; at < glob.length;) {
    const rest = glob.slice(at);
    const many = /^\*\*\/|^\*+|^\[[!^]?[^\]/]+\]/.exec(rest)?.[0];
    const char = String.fromCodePoint(rest.codePointAt(0) ?? 0);
    at += (many ?? char).length;
    if (many === "**/") pattern += "(?:.*/)?";
    else if (many?.startsWith("**") === true) pattern += ".*";
    else if (many?.startsWith("*") === true) pattern += "[^/]*";
    else if (many !== undefined) pattern += classOf(many);
    else if (char === "?") pattern += "[^/]";
    else if (char === "{" && rest.includes("}")) [pattern, depth] = [`${pattern}(?:`, depth + 1];
    else if (char === "}" && depth > 0) [pattern, depth] = [`${pattern})`, depth - 1];
    else if (char === "," && depth > 0) pattern += "|";
    else pattern += literal(char);
  }
  // A brace that never closes stands for itself, and then so does the rest.
  return depth === 0 ? pattern : literal(glob);
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, "\\$&");
}

/** A class such as `[a-z]` or `[!0-9]`; where its range runs backwards, the dash stands for itself. */
function classOf(text: string): string {
  const isNot = /^\[[!^]/.test(text);
  const members = text.slice(isNot ? 2 : 1, -1).replaceAll(/[\\^[\]]/gu, "\\$&");
  const isOrdered = [...members.matchAll(/(.)-(.)/gu)].every(([, low = "", high = ""]) => low <= high);
  return `[${isNot ? "^/" : ""}${isOrdered ? members : members.replaceAll("-", "\\-")}]`;
}
