import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { EventRecord } from "../../../kernel/events.ts";
import type { Writing } from "../domain/draft.ts";
import type { Memory } from "../domain/memory.ts";
import type { Ratings } from "../domain/rating.ts";
import type { MemoryTx } from "./port.ts";

const Merged = z.object({
  kept: z.string(),
  success: z.number(),
  failure: z.number(),
  count: z.int(),
});

/**
 * Ends one pattern in favour of another, which takes over how often it worked. Nothing of its text is lost: it stays
 * in the history, and `separatePatterns` takes this back.
 *
 * @throws {DomainError} not_found, invalid (no pattern, itself, another space), invalid_state (superseded already).
 */
export async function mergePatterns(keptId: string, mergedId: string, tx: MemoryTx): Promise<void> {
  const [kept, merged] = [await patternOf(keptId, tx), await patternOf(mergedId, tx)];
  if (kept.id === merged.id || kept.space !== merged.space)
    throw new DomainError("invalid", "a pattern is merged into another one of its own space", {
      hint: "name two of a pair that `slipway memory patterns` shows",
    });
  if (kept.supersededBy !== undefined || merged.supersededBy !== undefined)
    throw new DomainError("invalid_state", "one of the two was superseded already", {
      hint: "look at both: slipway memory patterns",
    });
  const ratings = (await tx.ratingsOf(mergedId)) ?? { success: 0, failure: 0, count: 0 };
  await tx.supersede(merged, kept);
  await tx.setRatings(keptId, added((await tx.ratingsOf(keptId)) ?? ratings, ratings, 1));
  tx.emit({ type: "pattern.merged", subject: mergedId, data: { kept: keptId, ...ratings } });
}

/**
 * Takes a merge back: the merged pattern holds again, and the other one gives back what it took over.
 *
 * @param events Of the merged pattern: its merges and separations, oldest first.
 * @throws {DomainError} not_found; invalid_state where it is not merged.
 */
export async function separatePatterns(
  mergedId: string,
  events: readonly EventRecord[],
  tx: MemoryTx,
  { principal, now }: Writing,
): Promise<void> {
  const merged = await patternOf(mergedId, tx);
  const last = events.at(-1);
  const found = last?.type === "pattern.merged" ? Merged.safeParse(last.data).data : undefined;
  if (found === undefined || merged.supersededBy !== found.kept)
    throw new DomainError("invalid_state", `${mergedId} is not merged into another pattern`, {
      hint: "name the one that was merged, not the one that was kept",
    });
  await tx.replace(merged, {
    ...merged,
    supersededBy: undefined,
    startsAt: now,
    endsAt: undefined,
    version: merged.version + 1,
    principal,
    updatedAt: now,
  });
  const ratings = await tx.ratingsOf(found.kept);
  if (ratings !== undefined) await tx.setRatings(found.kept, added(ratings, found, -1));
  tx.emit({ type: "pattern.separated", subject: mergedId, data: { kept: found.kept } });
}

function added(ratings: Ratings, other: Ratings, sign: 1 | -1): Ratings {
  const sum = (one: number, more: number): number => Math.max(0, one + sign * more);
  return {
    success: sum(ratings.success, other.success),
    failure: sum(ratings.failure, other.failure),
    count: sum(ratings.count, other.count),
  };
}

async function patternOf(id: string, tx: MemoryTx): Promise<Memory> {
  const found = (await tx.find([id])).get(id);
  if (found?.kind === "pattern") return found;
  throw new DomainError("not_found", "there is no pattern with the id given", {
    hint: "slipway memory patterns lists those that are nearly the same",
  });
}
