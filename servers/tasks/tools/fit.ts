import { estimateTokens } from "../../../kernel/tokens.ts";

/**
 * An upper estimate of the tokens of a value as JSON. Prose is about a third of its bytes; ids, times, digits and
 * punctuation, of which this server's answers are full, cost up to one token a character.
 */
export function cost(value: unknown): number {
  const text = JSON.stringify(value) ?? "";
  let dense = 0;
  for (const [run] of text.matchAll(RUNS)) if (!PLAIN.test(run)) dense += run.length;
  return estimateTokens(text) + Math.ceil(dense * 0.6);
}

// Linear in the text: a run is taken whole and looked at afterwards.
const RUNS = /[A-Za-z0-9_]+|[^A-Za-z0-9_\s]+/g;
const PLAIN = /^[A-Za-z_]+$/;

/** The fewest tokens that are worth keeping of a field. */
const LEAST = 12;

/**
 * Makes an answer fit: the named fields give way in turn, cut to a text that starts like them or, where no room is
 * left, dropped. What gave way is named in `truncated`.
 */
export function fitFields<T extends Readonly<Record<string, unknown>>>(value: T, givesWay: readonly string[], maxTokens: number): T & { truncated?: string[] } {
  const fitted: Record<string, unknown> = { ...value };
  const truncated: string[] = [];
  let excess = cost(fitted) - maxTokens;
  for (const field of givesWay) {
    if (excess <= 0) break;
    const before = fitted[field];
    if (before === undefined) continue;
    truncated.push(field);
    // The name in `truncated` has its price too.
    const room = cost(before) - excess - cost(["truncated", field]);
    if (room < LEAST) delete fitted[field];
    else fitted[field] = cutTo(typeof before === "string" ? before : JSON.stringify(before), room);
    excess = cost({ ...fitted, truncated }) - maxTokens;
  }
  // `T`'s fields are still there, cut or left out: the answer's schema is loose in all that may give way.
  return { ...(fitted as T), ...(truncated.length === 0 ? {} : { truncated }) };
}

/** The longest beginning of a text whose JSON costs no more, found by halving. */
function cutTo(text: string, maxTokens: number): string {
  let low = 0;
  // No token is cheaper than three bytes here.
  let high = Math.min(text.length, Math.max(0, Math.ceil(maxTokens * 3)));
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (cost(text.slice(0, middle)) <= maxTokens) low = middle;
    else high = middle - 1;
  }
  const end = text.charCodeAt(low - 1);
  return text.slice(0, end >= 0xd800 && end <= 0xdbff ? low - 1 : low);
}

/** The items from the front that fit the budget together; none where even the first does not. */
export function fitList<T>(items: readonly T[], maxTokens: number): readonly T[] {
  let left = maxTokens;
  let count = 0;
  for (const item of items) {
    left -= cost(item) + 1;
    if (left < 0) break;
    count += 1;
  }
  return items.slice(0, count);
}
