import { isTestPath } from "../../../kernel/source-files.ts";
import type { Memory } from "./memory.ts";
import { queryTerms, tokensOf } from "./tokens.ts";

// Weights set by hand on issue texts of nine repositories, and not fitted to any data that is used for acceptance.
const PATH_WEIGHT = 0.3;
const MENTION_WEIGHT = 0.5;
/** A test holds the words of an issue as often as the code at fault, but is seldom what has to change. */
const TEST_SHARE = 0.5;

/** How loudly a text names a file: by its path or dotted module, or only by its file name. */
const MENTIONS = { path: 1, name: 0.5, none: 0 } as const;

/**
 * Ranks files for a question or the text of an issue, best first; each is shown by its best match. What the matches
 * say, how many words of the text the path holds, and whether the text names the file, all over the best of their
 * kind, are added with weights 1, 0.3 and 0.5. Tests count half, unless the text is about tests. Matches without a
 * file stand for themselves, by what they say.
 */
export function rankFiles<M extends { readonly memory: Memory; readonly lexical: number }>(
  matches: readonly M[],
  query: string,
): readonly M[] {
  const terms = new Set(queryTerms(query));
  const text = query.toLowerCase();
  const isAboutTests = terms.has("test") || terms.has("spec");
  const best = new Map<string, M>();
  for (const match of matches) {
    const file = fileOf(match.memory) ?? match.memory.id;
    const known = best.get(file);
    if (known === undefined || match.lexical > known.lexical) best.set(file, match);
  }
  const scored = [...best].map(([file, match]) => {
    const isFile = fileOf(match.memory) !== undefined;
    return {
      match,
      content: match.lexical,
      path: isFile ? new Set(tokensOf(file).filter((token) => terms.has(token))).size : 0,
      mention: isFile ? MENTIONS[mentionOf(file.toLowerCase(), text)] : 0,
      share: isFile && isTestPath(file) && !isAboutTests ? TEST_SHARE : 1,
    };
  });
  const most = (part: "content" | "path"): number =>
    Math.max(Number.MIN_VALUE, ...scored.map((one) => one[part]));
  const [content, path] = [most("content"), most("path")];
  return scored
    .map((one) => ({
      match: one.match,
      score:
        one.share * (one.content / content + (PATH_WEIGHT * one.path) / path + MENTION_WEIGHT * one.mention),
    }))
    .sort((a, b) => b.score - a.score)
    .map(({ match, score }) => ({ ...match, lexical: score }));
}

/** The file or address a memory is about. */
function fileOf({ source }: Memory): string | undefined {
  return source?.path ?? source?.uri;
}

function mentionOf(file: string, text: string): keyof typeof MENTIONS {
  if (names(text, file)) return "path";
  const stem = file.replace(/\.[a-z]+$/, "");
  const dotted = stem.replace(/^src\//, "").replaceAll("/", ".");
  if (dotted.includes(".") && names(text, dotted)) return "path";
  const parts = file.split("/");
  // Two folders up are enough to tell one index.ts from another.
  if (parts.length > 1 && names(text, parts.slice(-2).join("/"))) return "path";
  return names(text, parts.at(-1) ?? file) ? "name" : "none";
}

/** Whether a text holds a name that no longer name swallows. */
function names(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    const [before, after] = [text[at - 1] ?? " ", text[at + name.length] ?? " "];
    if (!/[\w-]/.test(before) && !/[\w-]/.test(after)) return true;
  }
  return false;
}
