import type { RefChange, RefMove } from "./operation.ts";

/** The net change of each ref over moves in order. */
export function netChanges(moves: readonly RefMove[]): readonly RefChange[] {
  const net = new Map<string, RefChange>();
  for (const { ref, from, to } of moves)
    net.set(ref, { ref, from: net.get(ref)?.from ?? (net.has(ref) ? null : from), to });
  return [...net.values()].filter(({ from, to }) => from !== to);
}

/** What takes moves back. */
export function inverse(moves: readonly RefMove[]): readonly RefMove[] {
  return moves.toReversed().map(({ ref, from, to, files }) => ({ ref, from: to, to: from, files }));
}
