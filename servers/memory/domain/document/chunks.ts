import { estimateTokens, fitText } from "../../../../kernel/tokens.ts";
import type { Block } from "./blocks.ts";

/** A part of a document that is remembered as one. */
export interface Chunk {
  readonly text: string;
  /** In UTF-16 units of the source. */
  readonly start: number;
  readonly end: number;
  /** The headings it stands under, outermost first. */
  readonly headings: readonly string[];
}

/** A chunk has at least 512 tokens and at most 1,024, by an estimate from above; the last one may be smaller. */
const MOST = 1_000;
const LEAST = 650;
/** No text of so many UTF-16 units is one chunk: what is longer is not measured as a whole. */
const FAR_TOO_LONG = 20_000;

/**
 * Packs blocks into chunks. A chunk ends before a heading once it is large enough, else where the next block no longer
 * fits. Only a block that alone is too large, or that follows too little, is cut: at a line, a sentence, a space.
 */
export function chunksOf(blocks: readonly Block[]): readonly Chunk[] {
  const chunks: Chunk[] = [];
  const path: { readonly level: number; readonly title: string }[] = [];
  let open:
    | { text: string; tokens: number; start: number; end: number; headings: readonly string[] }
    | undefined;
  const close = (): void => {
    if (open !== undefined && open.text.trim() !== "") chunks.push(chunkOf(open));
    open = undefined;
  };
  const put = (block: Block, tokens: number): void => {
    open ??= {
      text: "",
      tokens: 0,
      start: block.start,
      end: block.end,
      headings: path.map(({ title }) => title),
    };
    open.text += block.text;
    open.tokens += tokens;
    open.end = block.end;
  };
  for (const whole of blocks) {
    if (whole.kind === "heading" || whole.kind === "operation") {
      if (open !== undefined && open.tokens >= LEAST) close();
      const level = whole.level ?? 1;
      while ((path.at(-1)?.level ?? 0) >= level) path.pop();
      path.push({ level, title: whole.title ?? "" });
    }
    let rest: Block | undefined = whole;
    while (rest !== undefined) {
      const tokens = rest.text.length > FAR_TOO_LONG ? Number.POSITIVE_INFINITY : estimateTokens(rest.text);
      const room: number = MOST - (open?.tokens ?? 0);
      if (tokens <= room) {
        put(rest, tokens);
        rest = undefined;
      } else if (open !== undefined && open.tokens >= LEAST) close();
      else {
        const [first, last]: readonly [Block, Block | undefined] = cutBlock(rest, room);
        put(first, estimateTokens(first.text));
        close();
        rest = last;
      }
    }
  }
  const last = open;
  close();
  return last === undefined ? chunks : mergedEnd(chunks);
}

function chunkOf({ text, start, end, headings }: Chunk): Chunk {
  return { text, start, end, headings: headings.filter((title) => title !== "") };
}

/** A small remainder joins the chunk before it where both fit into one. */
function mergedEnd(chunks: readonly Chunk[]): readonly Chunk[] {
  const [before, last] = chunks.slice(-2);
  if (before === undefined || last === undefined) return chunks;
  if (estimateTokens(before.text) + estimateTokens(last.text) > MOST) return chunks;
  return [...chunks.slice(0, -2), { ...before, text: before.text + last.text, end: last.end }];
}

/** What fits of a block, and the rest. The first part has at least one character. */
function cutBlock(block: Block, tokens: number): readonly [Block, Block | undefined] {
  const { text } = block;
  const fits = fitText(text.slice(0, FAR_TOO_LONG), Math.max(20, tokens)).text.length;
  const head = text.slice(0, Math.max(1, fits));
  const least = head.length / 2;
  const at =
    [head.lastIndexOf("\n") + 1, lastSentence(head), head.lastIndexOf(" ") + 1].find((end) => end > least) ??
    head.length;
  // What a generated text stands for has no inner positions.
  const inner = block.end - block.start === text.length ? block.start + at : block.start;
  const first = { ...block, text: text.slice(0, at), end: inner === block.start ? block.end : inner };
  if (at >= text.length) return [first, undefined];
  return [first, { ...block, kind: "text", text: text.slice(at), start: inner }];
}

function lastSentence(text: string): number {
  let end = 0;
  for (const match of text.matchAll(/[.!?。！？]["')\]]?\s/gu)) end = match.index + match[0].length;
  return end;
}
