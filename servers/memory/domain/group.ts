import { sessionKey, type Memory } from "./memory.ts";

/** Keeps the best of each thread or session, in the order given (best first). What belongs to none stands for itself. */
export function groupBest<M extends { readonly memory: Memory }>(
  matches: readonly M[],
  by: "thread" | "session",
): readonly M[] {
  const seen = new Set<string>();
  return matches.filter(({ memory: { thread } }) => {
    if (thread === undefined) return true;
    const group = by === "thread" ? thread.id : sessionKey(thread);
    if (seen.has(group)) return false;
    seen.add(group);
    return true;
  });
}
