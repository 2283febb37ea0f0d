// Source: the BM25 recipe measured in the design notes: identifiers indexed whole and in parts, stop words dropped,
// a light stem. The same function reads texts and queries, so that both sides always agree.

const WORD = /[\p{L}\p{N}\p{M}_]+(?:[/.\\-]+[\p{L}\p{N}\p{M}_]+)*/gu;
const JOINT = /[/.\\-]+/;
const PATH = /[/\\]/;

// Scripts written without spaces: pairs of characters stand for words.
const UNSPACED = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]+$/u;

const STOP = new Set(
  (
    "a about above after again all am an and any are as at be because been before being below between both but by can could " +
    "did do does doing down during each few for from further had has have having he her here hers him his how i if in into is it " +
    "its just me more most my no nor not now of off on once only or other our out over own same she should so some such than that " +
    "the their them then there these they this those through to too under until up very was we were what when where which while " +
    "who whom whose why will with would you your"
  ).split(" "),
);

// What a token needs to be found by. The full-text index drops a mark without a letter, as in a pair of Thai vowel signs;
// and some letters of today were marks when its tables were made (Unicode 6.1).
const BASE = /(?![\u{19b0}-\u{19c0}\u{19c8}\u{19c9}\u{1cf2}\u{1cf3}])[\p{L}\p{N}]/u;

/** Longest token kept, in UTF-16 units; longer runs are data, not words. */
const MAX_TOKEN = 100;

/** A run of a text and where it starts. */
export interface Run {
  readonly text: string;
  readonly start: number;
}

/** The word-like runs of a text in order: words, identifiers, paths, dotted names. */
export function runsOf(text: string): readonly Run[] {
  return Array.from(text.matchAll(WORD), (match) => ({ text: match[0], start: match.index }));
}

/**
 * All tokens of a text, in order, repeated as often as they occur. `seen` keeps the tokens of its runs; texts read one
 * after another share most of them.
 */
export function tokensOf(text: string, seen: Map<string, readonly string[]> = new Map()): readonly string[] {
  const tokens: string[] = [];
  for (const run of runsOf(text.toWellFormed().normalize("NFKC"))) {
    let own = seen.get(run.text);
    if (own === undefined) {
      own = tokensOfRun(run.text);
      seen.set(run.text, own);
    }
    for (const token of own) tokens.push(token);
  }
  return tokens;
}

/** The tokens of one run: a path whole, each name whole, and each part of a name. */
export function tokensOfRun(run: string): readonly string[] {
  const tokens: string[] = [];
  if (PATH.test(run) && run.length <= MAX_TOKEN) tokens.push(run.toLowerCase().replaceAll("\\", "/"));
  for (const name of run.split(JOINT)) {
    const parts = partsOf(name);
    if (parts.length > 1 && name.length <= MAX_TOKEN) tokens.push(normal(name));
    for (const part of parts) {
      const token = normal(part);
      if (token === "" || token.length > MAX_TOKEN || STOP.has(part.toLowerCase())) continue;
      tokens.push(...(UNSPACED.test(token) ? pairs(token) : [token]));
    }
  }
  return tokens.filter((token) => BASE.test(token));
}

/** Splits at `_`, at camelCase borders and between an acronym and a word: HTTPServer is HTTP and Server. */
function partsOf(name: string): readonly string[] {
  return name
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1_$2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1_$2")
    .split("_")
    .filter((part) => part !== "");
}

function normal(word: string): string {
  return stem(word.toLowerCase());
}

function pairs(word: string): readonly string[] {
  const characters = [...word];
  if (characters.length < 2) return characters;
  return characters.slice(1).map((character, index) => `${characters[index] ?? ""}${character}`);
}

const SUFFIXES = ["ingly", "edly", "ing", "ed", "ly", "es", "s"] as const;

function stem(word: string): string {
  if (word.length < 4 || !/^[a-z]+$/.test(word)) return word;
  if (/i(?:es|ed)$/.test(word) && word.length > 4) return `${word.slice(0, -3)}y`;
  let base = word;
  for (const suffix of SUFFIXES) {
    if (!word.endsWith(suffix) || word.length - suffix.length < 3 || (suffix === "s" && word.endsWith("ss")))
      continue;
    base = word.slice(0, -suffix.length);
    break;
  }
  if (/([^aeiouls])\1$/.test(base)) base = base.slice(0, -1);
  return base.length > 3 && base.endsWith("e") ? base.slice(0, -1) : base;
}

/** Distinct tokens of a query in order, at most `most`. Empty when it holds nothing but stop words and signs. */
export function queryTerms(query: string, most = 128): readonly string[] {
  return [...new Set(tokensOf(query))].slice(0, most);
}
