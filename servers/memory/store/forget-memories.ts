import { forgotten } from "../domain/forget.ts";
import type { Writing } from "../domain/draft.ts";
import type { MemoryTx } from "./port.ts";

/** What to forget, and why. With `purge` nothing is left but the event. */
export interface Forgetting {
  readonly ids: readonly string[];
  readonly reason: string;
  readonly purge: boolean;
}

/**
 * Forgets memories inside a transaction; one that holds no more already is left as it is. Records every one that was
 * forgotten, without its text.
 *
 * @returns the ids of what is forgotten now, and of what nobody knows, each once and in order.
 */
export async function forgetMemories(
  { ids, reason, purge }: Forgetting,
  tx: MemoryTx,
  writing: Writing,
): Promise<{ readonly forgotten: readonly string[]; readonly missing: readonly string[] }> {
  const distinct = [...new Set(ids)];
  const found = await tx.find(distinct);
  if (purge) {
    const versions = await tx.purge([...found.keys()]);
    for (const id of found.keys())
      tx.emit({
        type: "memory.forgotten",
        subject: id,
        data: { reason, purge, versions: versions.get(id) ?? 0 },
      });
  } else {
    for (const memory of found.values()) {
      const after = forgotten(memory, writing);
      if (after === null) continue;
      await tx.end(memory, after);
      tx.emit({
        type: "memory.forgotten",
        subject: memory.id,
        data: { reason, purge, version: after.version },
      });
    }
  }
  return {
    forgotten: distinct.filter((id) => found.has(id)),
    missing: distinct.filter((id) => !found.has(id)),
  };
}
