import { tokensOf } from "./tokens.ts";

interface Said {
  readonly id: string;
  readonly space: string;
  readonly title: string | undefined;
  readonly text: string;
}

/** Two that say nearly the same; `first` came first. */
export interface Alike<T> {
  readonly first: T;
  readonly second: T;
  /** 0..1: of the words of both, the share that both have (Jaccard). */
  readonly likeness: number;
}

/** Below this, two that are about the same thing were taken for one in what was tried by hand. */
export const LEAST_LIKENESS = 0.6;

/** Pairs in one space that share at least so much of their words, the most alike first, equals in the order given. */
export function alikeAmong<T extends Said>(given: readonly T[], least = LEAST_LIKENESS): readonly Alike<T>[] {
  const words = given.map(({ title, text }) => new Set(tokensOf(`${title ?? ""}\n${text}`)));
  const holders = new Map<string, number[]>();
  const pairs: Alike<T>[] = [];
  given.forEach((second, at) => {
    const own = words[at] ?? new Set();
    const common = new Map<number, number>();
    for (const word of own) {
      const before = holders.get(word) ?? [];
      for (const other of before) common.set(other, (common.get(other) ?? 0) + 1);
      before.push(at);
      holders.set(word, before);
    }
    for (const [other, shared] of common) {
      const first = given[other];
      const likeness = shared / (own.size + (words[other]?.size ?? 0) - shared);
      if (first !== undefined && first.space === second.space && likeness >= least)
        pairs.push({ first, second, likeness });
    }
  });
  return pairs.toSorted((a, b) => b.likeness - a.likeness);
}
