/** Two files that were changed together, in the order of their names. */
export interface Pair {
  readonly a: string;
  readonly b: string;
  /** Commits that changed both. */
  readonly together: number;
  /** Commits that changed the one that changed less often. */
  readonly of: number;
}

// A commit that touches many files (a rename, a format) says nothing about any two of them.
const MAX_FILES = 20;
const LEAST_TOGETHER = 3;
const LEAST_SHARE = 0.3;
/** The most partners a file keeps. */
const MAX_PARTNERS = 10;

/**
 * Files that change together: in at least 3 commits, and in at least 30 % of the commits of the rarer one. Commits of
 * more than 20 files don't count. Strongest first, at most 10 for a file.
 *
 * Source: support and confidence of association rules, as in Zimmermann et al., "Mining Version Histories to Guide
 * Software Changes", ICSE 2004.
 */
export function changedTogether(
  commits: Iterable<readonly string[]>,
  isKnown: (path: string) => boolean,
): readonly Pair[] {
  const changes = new Map<string, number>();
  const together = new Map<string, Map<string, number>>();
  for (const all of commits) {
    if (all.length > MAX_FILES) continue;
    const paths = [...new Set(all)].filter(isKnown).sort();
    for (const [index, a] of paths.entries()) {
      changes.set(a, (changes.get(a) ?? 0) + 1);
      for (const b of paths.slice(index + 1)) {
        const others = together.get(a) ?? new Map<string, number>();
        together.set(a, others);
        others.set(b, (others.get(b) ?? 0) + 1);
      }
    }
  }
  const pairs = [...together].flatMap(([a, others]) =>
    [...others].map(([b, count]) => ({
      a,
      b,
      together: count,
      of: Math.min(changes.get(a) ?? 0, changes.get(b) ?? 0),
    })),
  );
  const partners = new Map<string, number>();
  return pairs
    .filter((pair) => pair.together >= LEAST_TOGETHER && pair.together >= LEAST_SHARE * pair.of)
    .sort((x, y) => y.together - x.together || (`${x.a}\n${x.b}` < `${y.a}\n${y.b}` ? -1 : 1))
    .filter(({ a, b }) => {
      const [ofA, ofB] = [partners.get(a) ?? 0, partners.get(b) ?? 0];
      if (ofA >= MAX_PARTNERS || ofB >= MAX_PARTNERS) return false;
      partners.set(a, ofA + 1).set(b, ofB + 1);
      return true;
    });
}
