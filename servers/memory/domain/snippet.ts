import { runsOf, tokensOfRun } from "./tokens.ts";

/**
 * The part of a text with the most different query terms in it, at most `maxChars` long plus an ellipsis on each
 * cut side. The earliest of equals wins; without any match it is the beginning.
 */
export function snippetOf(text: string, terms: ReadonlySet<string>, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const { start, end } = bestWindow(matchesOf(text, terms), maxChars);
  // The words are put in the middle of what fits, and the cut is moved to a space near by.
  const room = Math.max(0, maxChars - (end - start));
  const from = nextSpace(
    text,
    Math.max(0, Math.min(start - Math.floor(room / 2), text.length - maxChars)),
    start,
  );
  const to = keepPair(
    text,
    previousSpace(text, Math.min(text.length, from + maxChars), Math.min(end, from + maxChars)),
  );
  return `${from > 0 ? "…" : ""}${text.slice(from, to).trim()}${to < text.length ? "…" : ""}`;
}

interface Found {
  readonly start: number;
  readonly end: number;
  readonly terms: readonly string[];
}

function matchesOf(text: string, terms: ReadonlySet<string>): readonly Found[] {
  const known = new Map<string, readonly string[]>();
  const found: Found[] = [];
  for (const run of runsOf(text)) {
    let hits = known.get(run.text);
    if (hits === undefined) {
      hits = tokensOfRun(run.text.normalize("NFKC")).filter((token) => terms.has(token));
      known.set(run.text, hits);
    }
    if (hits.length > 0) found.push({ start: run.start, end: run.start + run.text.length, terms: hits });
  }
  return found;
}

/** Two pointers over the matches, counting different terms inside. */
function bestWindow(
  found: readonly Found[],
  maxChars: number,
): { readonly start: number; readonly end: number } {
  const inside = new Map<string, number>();
  let best = { start: 0, end: 0 };
  let bestCount = 0;
  let left = 0;
  for (const match of found) {
    for (const term of match.terms) inside.set(term, (inside.get(term) ?? 0) + 1);
    for (
      let first = found[left];
      first !== undefined && first !== match && match.end - first.start > maxChars;
      first = found[left]
    ) {
      for (const term of first.terms) {
        const count = (inside.get(term) ?? 0) - 1;
        if (count === 0) inside.delete(term);
        else inside.set(term, count);
      }
      left += 1;
    }
    if (inside.size > bestCount) {
      bestCount = inside.size;
      best = { start: found[left]?.start ?? match.start, end: match.end };
    }
  }
  return best;
}

function nextSpace(text: string, from: number, before: number): number {
  if (from === 0) return 0;
  const space = text.slice(from, Math.min(before, from + 30)).search(/\s/);
  return keepPair(text, space < 0 ? from : from + space + 1);
}

function previousSpace(text: string, to: number, after: number): number {
  if (to === text.length) return to;
  const floor = Math.max(after, to - 30);
  for (let at = to; at > floor; at -= 1) if (/\s/.test(text.charAt(at))) return at;
  return to;
}

/** Never between the halves of a surrogate pair. */
function keepPair(text: string, at: number): number {
  const low = text.charCodeAt(at);
  return at > 0 && low >= 0xdc00 && low <= 0xdfff ? at - 1 : at;
}
