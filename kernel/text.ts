// Text from outside (files, logs, web pages, tool output) passes here before a model or a terminal sees it.

// Strings that run to a terminator (OSC, DCS, SOS, PM, APC), then CSI, then the two-character escapes.
// Each alternative stops at the next escape, so the time is linear in the text. Source: ECMA-48, 5th edition, 5.3-5.6.
const ESCAPES =
  /(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|\u001b[ -/]*[0-~]?/g;

const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

// Direction controls reorder what a person sees, so that source code reads differently than it runs.
// Source: CVE-2021-42574 ("Trojan Source").
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

// Characters without a picture: zero width, fillers, tags and the variation selectors used to smuggle text.
const INVISIBLE =
  /[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]|[\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;

/**
 * Makes foreign text safe to show: no terminal escapes, no control characters but newline and tab, line ends as
 * "\n", direction controls spelled out as `[U+202E]`, invisible characters removed, lone surrogates as U+FFFD.
 * Cleaning twice changes nothing more. Joiners go too, so a compound emoji falls into its parts.
 */
export function cleanText(text: string): string {
  return text
    .toWellFormed()
    .replace(ESCAPES, "")
    .replace(/\r\n?|[\u2028\u2029\u0085]/g, "\n")
    .replace(CONTROLS, "")
    .replace(
      DIRECTION,
      (character) => `[U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`,
    )
    .replace(INVISIBLE, "");
}

/**
 * Keeps the first and the last part of a text and says in between how much was cut. The answer has at most
 * `maxChars` UTF-16 units, the marker included, and never half of a surrogate pair; a text that fits is untouched.
 */
export function clipText(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const room = maxChars - marker(text.length).length;
  if (room < 2) return text.slice(0, keepWhole(text, Math.max(0, maxChars)));
  // More of the head than of the tail: the first lines say what ran, the last ones how it ended.
  const head = keepWhole(text, Math.ceil(room * 0.6));
  const tail = keepWhole(text, text.length - (room - Math.ceil(room * 0.6)), 1);
  return text.slice(0, head) + marker(tail - head) + text.slice(tail);
}

function marker(cut: number): string {
  return `\n[... ${cut} characters cut ...]\n`;
}

/** Moves a cut by `step` when it would split a surrogate pair. */
function keepWhole(text: string, at: number, step: 1 | -1 = -1): number {
  const before = text.charCodeAt(at - 1);
  const after = text.charCodeAt(at);
  const splits = before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
  return splits ? at + step : at;
}

/** Foreign text on one line, without anything that a terminal would obey, in at most `maxChars` UTF-16 units. */
export function oneLine(text: string, maxChars: number): string {
  return clipText(cleanText(text).replace(/\s+/g, " ").trim(), maxChars).replace(/\s+/g, " ");
}
