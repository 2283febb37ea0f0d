import { estimateTokens, fitText } from "../../../kernel/tokens.ts";

/** Where reading goes on: in which item, and from which UTF-16 unit of its text. */
export interface Place {
  readonly index: number;
  readonly offset: number;
}

const RESERVE = 60;

/** The least of a text worth sending; also what makes every page move on. */
const LEAST_TOKENS = 60;

/**
 * Fills one answer with items from a place on, whole ones first; the text of the last is cut where the budget ends.
 * Reading page after page gives every text in full.
 */
export function pageOf<T extends { readonly text: string }>(
  items: readonly T[],
  start: Place,
  maxTokens: number,
): { readonly items: readonly (T & { readonly text_from?: number })[]; readonly next: Place | undefined } {
  const page: (T & { readonly text_from?: number })[] = [];
  let left = maxTokens - RESERVE;
  for (let index = start.index, offset = start.offset; index < items.length; index += 1, offset = 0) {
    const item = items[index];
    if (item === undefined) break;
    const rest = { ...item, text: item.text.slice(offset), ...(offset === 0 ? {} : { text_from: offset }) };
    const cost = estimateTokens(JSON.stringify(rest)) + 1;
    if (cost <= left) {
      page.push(rest);
      left -= cost;
      continue;
    }
    const frame = estimateTokens(JSON.stringify({ ...rest, text: "" })) + 1;
    if (left - frame < LEAST_TOKENS && page.length > 0) return { items: page, next: { index, offset } };
    const text = fitEscaped(rest.text, Math.max(LEAST_TOKENS, left - frame));
    page.push({ ...rest, text });
    return {
      items: page,
      next:
        text.length < rest.text.length ? { index, offset: offset + text.length } : after(index, items.length),
    };
  }
  return { items: page, next: undefined };
}

function after(index: number, length: number): Place | undefined {
  return index + 1 < length ? { index: index + 1, offset: 0 } : undefined;
}

/** Cuts a text so that its JSON form fits: line breaks and quotes cost two bytes there, control characters six. */
function fitEscaped(text: string, tokens: number): string {
  let fitted = fitText(text, tokens).text;
  for (
    let cost = estimateTokens(JSON.stringify(fitted));
    cost > tokens && fitted.length > 1;
    cost = estimateTokens(JSON.stringify(fitted))
  ) {
    fitted = fitText(fitted, Math.max(1, Math.floor((estimateTokens(fitted) * tokens) / cost) - 1)).text;
  }
  return fitted === "" ? String.fromCodePoint(text.codePointAt(0) ?? 0) : fitted;
}
