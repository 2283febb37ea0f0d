import type { Ranking } from "./rank.ts";
import { tokensOf } from "./tokens.ts";
import type { TextColumn } from "./columns.ts";
import type { WordIndex } from "./word-index.ts";

/** Values between 0 and 1, by slot and by session. */
interface Surroundings {
  readonly words: Float64Array;
  readonly sessions: Float64Array;
  readonly near: Float64Array | undefined;
  readonly about: Float64Array | undefined;
}

/** What its surroundings add to each slot. Only candidates get any: being in a session that fits is not enough. */
export function graphParts(
  index: WordIndex,
  { terms, paths, allowed, weights }: Ranking,
  { words, sessions, near, about }: Surroundings,
): Float64Array {
  const parts = new Float64Array(index.slots);
  const { session: sessionOf, author, path } = index.columns;
  const asked = new Set(terms);
  const isAuthor = memo(author, (name) => tokensOf(name).some((token) => asked.has(token)));
  const isNamed = paths.length === 0 ? undefined : memo(path, (own) => isPathAsked(own, paths));
  const neighbours = bestNeighbours(index, allowed, words, sessions);
  for (let slot = 0; slot < parts.length; slot += 1) {
    if (allowed[slot] !== 1) continue;
    const neighbour = neighbours[slot] ?? 0;
    const close = about === undefined ? 0 : (about[slot] ?? 0);
    const named = isNamed?.(slot) === true;
    const isNear = near !== undefined && (near[slot] ?? 0) > 0;
    if (neighbour + close + (words[slot] ?? 0) === 0 && !named && !isNear) continue;
    const session = sessionOf[slot] ?? -1;
    parts[slot] =
      weights.neighbour * neighbour +
      (session < 0 ? 0 : weights.session * (sessions[session] ?? 0)) +
      (isAuthor(slot) ? weights.author : 0) +
      weights.entity * close +
      (named ? weights.path : 0);
  }
  return parts;
}

/** Whether a slot's text has a property; each text is looked at once. No text has none. */
function memo({ codes, texts }: Pick<TextColumn, "codes" | "texts">, has: (text: string) => boolean) {
  const [unknown, yes, no] = [0, 1, 2];
  const known = new Uint8Array(texts.length);
  return (slot: number): boolean => {
    const code = codes[slot] ?? -1;
    if (code < 0) return false;
    if (known[code] === unknown) known[code] = has(texts[code] ?? "") ? yes : no;
    return known[code] === yes;
  };
}

function bestNeighbours(
  index: WordIndex,
  allowed: Uint8Array,
  words: Float64Array,
  sessions: Float64Array,
): Float64Array {
  const neighbours = new Float64Array(index.slots);
  for (let session = 0; session < sessions.length; session += 1) {
    if ((sessions[session] ?? 0) <= 0) continue;
    let before = -1;
    for (const slot of index.membersOf(session)) {
      if (allowed[slot] !== 1) continue;
      if (before >= 0) {
        neighbours[slot] = words[before] ?? 0;
        neighbours[before] = Math.max(neighbours[before] ?? 0, words[slot] ?? 0);
      }
      before = slot;
    }
  }
  return neighbours;
}

function isPathAsked(path: string, asked: readonly string[]): boolean {
  const own = path.toLowerCase();
  return asked.some((one) => own === one || own.endsWith(`/${one}`) || one.endsWith(`/${own}`));
}
