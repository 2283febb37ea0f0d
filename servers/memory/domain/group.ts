import type { Memory } from "./memory.ts";

/**
 * Keeps the best of each group, in the order given (best first). What belongs to no group stands for itself.
 * A file is the source's path, else its address.
 */
export function groupBest<M extends { readonly memory: Memory }>(
  matches: readonly M[],
  by: "file" | "thread",
): readonly M[] {
  const seen = new Set<string>();
  return matches.filter(({ memory }) => {
    const group = by === "thread" ? memory.thread?.id : (memory.source?.path ?? memory.source?.uri);
    if (group === undefined) return true;
    if (seen.has(group)) return false;
    seen.add(group);
    return true;
  });
}
