import { estimateTokens } from "../../../kernel/tokens.ts";

/** An upper estimate of the tokens of a value as JSON. */
export function cost(value: unknown): number {
  return estimateTokens(JSON.stringify(value) ?? "");
}

/** The fewest tokens that are worth keeping of a field. */
const LEAST = 12;

/**
 * Makes an answer fit: the named fields give way in turn, cut to a text that starts like them or, where no room is
 * left, dropped. What gave way is named in `truncated`.
 */
export function fitFields(
  value: Readonly<Record<string, unknown>>,
  givesWay: readonly string[],
  maxTokens: number,
): Record<string, unknown> & { truncated?: string[] } {
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
  return { ...fitted, ...(truncated.length === 0 ? {} : { truncated }) };
}

/** The longest beginning of a text whose JSON costs no more, found by halving. */
function cutTo(text: string, maxTokens: number): string {
  let low = 0;
  // So long is no token on average, and what is surely too much need not be looked at.
  let high = Math.min(text.length, Math.max(0, Math.ceil(maxTokens * 8)));
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (cost(text.slice(0, middle)) <= maxTokens) low = middle;
    else high = middle - 1;
  }
  const end = text.charCodeAt(low - 1);
  return text.slice(0, end >= 0xd800 && end <= 0xdbff ? low - 1 : low);
}

/** Makes an answer fit: the named fields are left out in turn, and named in `truncated`. */
export function dropFields(
  value: Readonly<Record<string, unknown>>,
  givesWay: readonly string[],
  maxTokens: number,
): Record<string, unknown> {
  const fitted: Record<string, unknown> = { ...value };
  const truncated: string[] = [];
  for (const field of givesWay) {
    if (cost({ ...fitted, truncated }) <= maxTokens) break;
    if (fitted[field] === undefined) continue;
    delete fitted[field];
    truncated.push(field);
  }
  return truncated.length === 0 ? fitted : { ...fitted, truncated };
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
