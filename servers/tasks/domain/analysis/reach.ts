import type { OpenGraph } from "./graph.ts";

const BITS = 32;
/** How many words of 32 places one sweep looks at: a few megabytes for the largest graph. */
const WORDS = 32;

/**
 * For every place, how many places wait for it, at once or by others. Exact: sets of bits are joined from the end of
 * the order to its beginning, one slice of the places after the other.
 */
export function dependentCounts({ tasks, blocks, order }: OpenGraph): readonly number[] {
  const counts = tasks.map(() => 0);
  const reached = new Uint32Array(tasks.length * WORDS);
  for (let first = 0; first < tasks.length; first += BITS * WORDS) {
    reached.fill(0);
    for (let i = order.length - 1; i >= 0; i -= 1) {
      const place = order[i] ?? 0;
      const row = place * WORDS;
      for (const next of blocks[place] ?? []) {
        for (let word = 0; word < WORDS; word += 1) {
          reached[row + word] = (reached[row + word] ?? 0) | (reached[next * WORDS + word] ?? 0);
        }
        const bit = next - first;
        if (bit >= 0 && bit < BITS * WORDS) {
          const word = row + Math.floor(bit / BITS);
          reached[word] = (reached[word] ?? 0) | (1 << (bit % BITS));
        }
      }
      let count = counts[place] ?? 0;
      for (let word = 0; word < WORDS; word += 1) count += bitsIn(reached[row + word] ?? 0);
      counts[place] = count;
    }
  }
  return counts;
}

/** Source: Warren, Hacker's Delight, 2nd edition, figure 5-2. */
function bitsIn(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55_55_55_55);
  const fours = (pairs & 0x33_33_33_33) + ((pairs >>> 2) & 0x33_33_33_33);
  return Math.imul((fours + (fours >>> 4)) & 0x0f_0f_0f_0f, 0x01_01_01_01) >>> 24;
}
