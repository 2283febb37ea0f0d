import type { Memory } from "./memory.ts";

/** Keeps the best of each thread, in the order given (best first). What belongs to none stands for itself. */
export function groupBest<M extends { readonly memory: Memory }>(matches: readonly M[]): readonly M[] {
  const seen = new Set<string>();
  return matches.filter(({ memory }) => {
    const group = memory.thread?.id;
    if (group === undefined) return true;
    if (seen.has(group)) return false;
    seen.add(group);
    return true;
  });
}
