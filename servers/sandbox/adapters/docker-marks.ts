/**
 * Reads what stands between the line `mark` and the words `mark CODE` in a stream that is cut anywhere. Content is
 * handed on as it comes; only what may be the beginning of the mark is kept back.
 *
 * @param mark Unguessable for whoever writes the content. ASCII.
 */
export function between(
  mark: string,
  onContent: (chunk: Uint8Array) => void,
  onEnd: (code: number) => void,
): (chunk: Uint8Array) => void {
  let state: "before" | "within" | "after" = "before";
  let kept: Buffer = Buffer.alloc(0);
  return (chunk) => {
    if (state === "after") return;
    kept = kept.length === 0 ? Buffer.from(chunk) : Buffer.concat([kept, chunk]);
    if (state === "before") {
      const opening = `${mark}\n`;
      const at = kept.indexOf(opening);
      if (at < 0) {
        kept = kept.subarray(kept.length - overlap(kept, opening));
        return;
      }
      state = "within";
      kept = kept.subarray(at + opening.length);
    }
    const at = kept.indexOf(mark);
    const contentEnd = at < 0 ? kept.length - overlap(kept, mark) : at;
    if (contentEnd > 0) onContent(kept.subarray(0, contentEnd));
    kept = kept.subarray(contentEnd);
    const closing = at < 0 ? null : /^ (\d+)\n/.exec(kept.toString("latin1", mark.length, mark.length + 8));
    if (closing === null) return;
    state = "after";
    onEnd(Number(closing[1]));
  };
}

/** How many bytes at the end of `bytes` are the beginning of `word`. */
function overlap(bytes: Buffer, word: string): number {
  for (let length = Math.min(bytes.length, word.length - 1); length > 0; length -= 1)
    if (bytes.toString("latin1", bytes.length - length) === word.slice(0, length)) return length;
  return 0;
}
