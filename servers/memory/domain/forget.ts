import { endedBy, type Writing } from "./draft.ts";
import type { Memory } from "./memory.ts";

/**
 * The memory after it was forgotten: it holds no more from now on, and what it said before stays in the history.
 * The version grows, so that a change made from the one before is a conflict.
 *
 * @returns null when it holds no more already.
 */
export function forgotten(current: Memory, { principal, now }: Writing): Memory | null {
  if (current.endsAt !== undefined && current.endsAt <= now) return null;
  return {
    ...current,
    endsAt: endedBy(current.endsAt, now),
    version: current.version + 1,
    principal,
    updatedAt: now,
  };
}
