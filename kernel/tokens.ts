/**
 * Token counts are estimated, not measured: no tokenizer is loaded at run time. Each character is charged by what it
 * is and what stood before it, the way byte-pair encoders cut: words from common pairs of letters are cheap, digests,
 * random text and rare scripts are dear. Tests hold the sum against a real tokenizer (o200k).
 */

/** What an answer may cost when the caller names no budget. */
export const DEFAULT_MAX_TOKENS = 2_000;

/** No answer is ever larger, whatever the caller asks for: hosts cut replies at 25,000. */
export const HARD_MAX_TOKENS = 20_000;

/** An upper estimate of the tokens of a text, 0 for "". A part of a text never costs more than the whole. */
export function estimateTokens(text: string): number {
  return text === "" ? 0 : Math.ceil(START + costUpTo(text, Number.POSITIVE_INFINITY).cost);
}

/**
 * Takes items from the front while their JSON fits the budget. `reserve` is kept for the rest of the answer.
 * The first item is always taken, so that a reader with a cursor makes progress; clip its long fields first.
 */
export function fitItems<T>(
  items: readonly T[],
  maxTokens: number,
  reserve = 100,
): { readonly taken: readonly T[]; readonly truncated: boolean } {
  let left = maxTokens - reserve;
  let count = 0;
  for (const item of items) {
    left -= estimateTokens(JSON.stringify(item)) + 1;
    if (left < 0 && count > 0) break;
    count += 1;
  }
  return { taken: items.slice(0, count), truncated: count < items.length };
}

/** Cuts a text to a token budget, at a code point, and says whether it did. */
export function fitText(
  text: string,
  maxTokens: number,
): { readonly text: string; readonly truncated: boolean } {
  const { end } = costUpTo(text, maxTokens - START);
  return end === text.length ? { text, truncated: false } : { text: text.slice(0, end), truncated: true };
}

/** Charged once: what a pair at the end of a text may still turn into. */
const START = 2;

/** Adds up from the front until the next character would cost more than `budget`; `end` is in code units. */
function costUpTo(text: string, budget: number): { readonly cost: number; readonly end: number } {
  let cost = 0;
  let previous = 0;
  let run = 0;
  for (let at = 0; at < text.length;) {
    const code = text.codePointAt(at) ?? 0;
    run = at > 0 && kindOf(code) === kindOf(previous) ? run + 1 : 1;
    const next = cost + charge(code, previous, run);
    if (next > budget) return { cost, end: at };
    cost = next;
    previous = code;
    at += code > 0xffff ? 2 : 1;
  }
  return { cost, end: text.length };
}

type Kind = "lower" | "upper" | "digit" | "space" | "break" | "sign" | "control" | "other";

function kindOf(code: number): Kind {
  if (code >= 0x61 && code <= 0x7a) return "lower";
  if (code >= 0x41 && code <= 0x5a) return "upper";
  if (code >= 0x30 && code <= 0x39) return "digit";
  if (code === 0x20) return "space";
  if (code === 0x0a || code === 0x0d || code === 0x09) return "break";
  if (code < 0x20 || code === 0x7f) return "control";
  return code < 0x80 ? "sign" : "other";
}

/** The tokens that one character adds. `run` counts the characters of its kind up to and with it. */
function charge(code: number, previous: number, run: number): number {
  const kind = kindOf(code);
  const before = kindOf(previous);
  switch (kind) {
    case "lower":
      if (before === "lower") return isCommon(previous, code) ? 0.07 : 0.87;
      // A capital begins the word that follows it.
      return before === "upper" ? 0.35 : 1;
    case "upper":
      if (run === 1) return 1;
      return isCommon(previous | 0x20, code | 0x20) ? 0.3 : 0.85;
    case "digit":
      // Three digits are one token, and a space is never part of one.
      return run % 3 === 1 ? (before === "space" ? 1.8 : 1) : 0.02;
    case "space":
      // A single space is part of the word or sign after it; a longer run is a token of its own.
      return run === 1 ? 0.1 : run === 2 ? 0.9 : 0.1;
    case "break":
      return code === previous ? 0.5 : 1;
    case "sign":
      if (run === 1) return 1;
      return code === previous ? 0.35 : isCommon(previous, code) ? 0.2 : 0.85;
    case "control":
      return 1;
    case "other":
      return chargeOther(code);
  }
}

/** The first code point past a range, and what each character in it costs; at most its bytes. */
const SCRIPTS: readonly (readonly [end: number, cost: number])[] = [
  [0xa0, 2],
  [0x180, 1.4],
  [0x3b1, 2],
  [0x3ca, 0.9],
  [0x410, 2],
  [0x450, 0.8],
  [0x5d0, 2],
  [0x5eb, 1],
  [0x621, 2],
  [0x64b, 0.8],
  [0x800, 2],
  [0x900, 3],
  [0x980, 1.5],
  [0xe00, 3],
  [0xe60, 1.2],
  [0x2010, 3],
  [0x2028, 1.3],
  [0x3000, 3],
  [0x3003, 1.3],
  [0x3040, 3],
  [0x3100, 1.3],
  [0x4e00, 3],
  [0xa000, 2.3],
  [0xac00, 3],
  [0xd7a4, 2.8],
  [0x1_0000, 3],
];

function chargeOther(code: number): number {
  for (const [end, cost] of SCRIPTS) if (code < end) return cost;
  return 4;
}

/** For each letter the letters that often follow it in English and in code; then the pairs of signs that are one token. */
const FOLLOWERS: ReadonlyMap<number, string> = new Map(
  [
    "abcdgilmnprstuv",
    "beloruya",
    "cehkoatrilu",
    "deioarsu",
    "eacdelmnprstvwxy",
    "fioreafu",
    "geioraluhs",
    "heaiotr",
    "icdegflmnorstvabpz",
    "jesaou",
    "keins",
    "leiaoldysutp",
    "meaioupmb",
    "nacdegiostfukyv",
    "ocdfglmnoprstuvwbk",
    "peraolhitusp",
    "qu",
    "reaiotsdnmcukygv",
    "sethiosuapckm",
    "tehioarsutyc",
    "urnstlpiecdmgba",
    "veiao",
    "wahieons",
    "xtpiace",
    "yspetom",
    "zeai",
    '":,})],;.',
    ',"',
    ':"/:[',
    '{"}',
    "}},;)",
    '["]{',
    "]],;)}",
    "()\"'{[",
    ")),;.:{",
    '.)/"',
    '=>="',
    "/*/",
    "*/*",
    "'),;",
    "$({",
    "`,.)",
    "&&",
    "|||",
    "<//",
    "-->",
    "!=",
    "?.:",
    ';"',
    "@/",
    '\\"n',
  ].map((line) => [line.charCodeAt(0), line.slice(1)]),
);

function isCommon(first: number, second: number): boolean {
  return FOLLOWERS.get(first)?.includes(String.fromCharCode(second)) ?? false;
}
