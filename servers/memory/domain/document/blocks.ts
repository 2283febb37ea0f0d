/** A piece of a document that is not cut where that can be helped. Pieces tile the text: joined they give it back. */
export interface Block {
  readonly text: string;
  /** Where it comes from, in UTF-16 units of the source. */
  readonly start: number;
  readonly end: number;
  readonly kind: "heading" | "code" | "text" | "operation";
  /** Of a heading, 1 to 6. */
  readonly level?: number;
  /** Of a heading or an operation. */
  readonly title?: string;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;

/** Cuts Markdown or plain text into headings, fenced code and paragraphs, each with the blank lines after it. */
export function blocksOf(text: string): readonly Block[] {
  const blocks: Block[] = [];
  let start = 0;
  let kind: Block["kind"] = "text";
  let head: Pick<Block, "level" | "title"> = {};
  let fence: string | undefined;
  let isBlank = false;
  const close = (end: number): void => {
    if (end > start) blocks.push({ text: text.slice(start, end), start, end, kind, ...head });
    [start, kind, head, isBlank] = [end, "text", {}, false];
  };
  for (let at = 0; at < text.length;) {
    const stop = text.indexOf("\n", at);
    const next = stop === -1 ? text.length : stop + 1;
    const line = text.slice(at, next).trimEnd();
    const mark = FENCE.exec(line)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence) === true && line.trim() === mark) [fence, isBlank] = [undefined, true];
    } else if (mark !== undefined) {
      close(at);
      [kind, fence] = ["code", mark];
    } else {
      const [, marks = "", title = ""] = HEADING.exec(line) ?? [];
      if (marks !== "") {
        close(at);
        [kind, head, isBlank] = ["heading", { level: marks.length, title }, true];
      } else if (line === "") isBlank = true;
      else if (isBlank) close(at);
    }
    at = next;
  }
  close(text.length);
  return blocks;
}
