/** A text cut to its head and tail. */
export interface Clipped {
  readonly text: string;
  readonly truncated: boolean;
}

/**
 * Keeps the head and the tail of an output: errors stand at either end. A third of the room goes to the head.
 * Cuts at line ends where one is near, and says how many characters are missing.
 */
export function clipOutput(text: string, maxChars: number): Clipped {
  if (text.length <= maxChars) return { text, truncated: false };
  const room = Math.max(0, maxChars - 60);
  const headRoom = Math.floor(room / 3);
  const head = text.slice(0, endOfLine(text, headRoom));
  const tail = text.slice(startOfLine(text, text.length - (room - headRoom)));
  const missing = text.length - head.length - tail.length;
  return { text: `${head}\n[… ${missing} characters left out …]\n${tail}`, truncated: true };
}

const NEAR = 200;

function endOfLine(text: string, at: number): number {
  const line = text.lastIndexOf("\n", at);
  return wellFormed(text, line > at - NEAR && line >= 0 ? line : at);
}

function startOfLine(text: string, at: number): number {
  const line = text.indexOf("\n", at);
  return wellFormed(text, line >= 0 && line < at + NEAR ? line + 1 : at);
}

/** Never cuts between the two halves of one character. */
function wellFormed(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at + 1 : at;
}
