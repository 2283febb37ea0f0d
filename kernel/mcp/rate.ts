/** Lets so many requests a second through for each key, and twice as many at once; the rest is told to wait. */
export interface RateLimit {
  /** Whole seconds to wait, 0 where the request may pass. */
  take(key: string): number;
}

const MOST_KEYS = 10_000;

/**
 * One bucket of tokens per key, filled by time.
 *
 * @param now Milliseconds that only grow.
 */
export function rateLimit(perSecond: number, now: () => number): RateLimit {
  const burst = perSecond * 2;
  const buckets = new Map<string, { level: number; at: number }>();
  return {
    take(key) {
      const at = now();
      const known = buckets.get(key);
      const level = Math.min(burst, (known?.level ?? burst) + ((at - (known?.at ?? at)) / 1_000) * perSecond);
      // The key that was set longest ago is full again, or nearly.
      if (known === undefined && buckets.size >= MOST_KEYS) buckets.delete(buckets.keys().next().value ?? "");
      buckets.delete(key);
      const isLet = level >= 1;
      buckets.set(key, { level: isLet ? level - 1 : level, at });
      return isLet ? 0 : Math.max(1, Math.ceil((1 - level) / perSecond));
    },
  };
}
