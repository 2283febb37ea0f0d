import { DomainError } from "../../kernel/errors.ts";

/**
 * Splits a command line into its words as a POSIX shell would, with '…', "…" and \ and nothing else: no variables,
 * no globs, no operators. What would be an operator in a shell is refused, because it would silently be a word here.
 *
 * @throws {DomainError} `invalid` for an empty line, an open quote or an unquoted operator.
 */
export function parseCommandLine(line: string): readonly [string, ...string[]] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: "'" | '"' | null = null;
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    const next = line.charAt(at + 1);
    if (quote === "'") {
      if (char === "'") quote = null;
      else word += char;
    } else if (quote === '"') {
      if (char === '"') quote = null;
      else if (char === "\\" && (next === '"' || next === "\\")) {
        word += next;
        at += 1;
      } else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (char === "\\") {
      if (next === "") throw invalid("it ends in a backslash");
      word = (word ?? "") + next;
      at += 1;
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (/[|&;<>()`$\0]/.test(char)) {
      throw invalid(`it has an unquoted ${JSON.stringify(char)}`);
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== null) throw invalid("a quote is left open");
  if (word !== null) words.push(word);
  const [program, ...rest] = words;
  if (program === undefined || program === "") throw invalid("it names no program");
  return [program, ...rest];
}

function invalid(what: string): DomainError {
  return new DomainError("invalid", `the command line cannot be read: ${what}`, {
    hint: "quote words that need it; for pipes or variables use sh -c '…'",
  });
}
