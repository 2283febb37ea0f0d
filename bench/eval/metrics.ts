/** The share of what was to be found that is among the answers; NaN where there was nothing. */
export function recallOf(wanted: ReadonlySet<string>, found: readonly string[]): number {
  return found.filter((one, at) => wanted.has(one) && found.indexOf(one) === at).length / wanted.size;
}

/**
 * Normalised discounted cumulative gain with gains of 0 and 1.
 *
 * Source: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (2002).
 */
export function ndcgOf(wanted: ReadonlySet<string>, found: readonly string[]): number {
  const gain = (rank: number): number => 1 / Math.log2(rank + 2);
  const got = found.reduce((sum, one, rank) => sum + (wanted.has(one) ? gain(rank) : 0), 0);
  const best = [...wanted].slice(0, found.length).reduce((sum, _, rank) => sum + gain(rank), 0);
  return best === 0 ? 0 : got / best;
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
