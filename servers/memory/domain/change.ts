import { DomainError } from "../../../kernel/errors.ts";
import { revise, type Draft, type Writing } from "./draft.ts";
import { checkDraft } from "./limits.ts";
import type { Kind, Memory, Mention, Source, Thread } from "./memory.ts";

/** Fields to change. Null takes a field away; a field left out keeps its value. */
export interface Changes {
  readonly text?: string | undefined;
  readonly kind?: Kind | undefined;
  readonly title?: string | null | undefined;
  readonly source?: Source | null | undefined;
  readonly thread?: Thread | null | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: object | undefined;
  readonly entities?: readonly Mention[] | undefined;
  readonly task_id?: string | null | undefined;
  readonly valid_from?: string | undefined;
  readonly valid_to?: string | null | undefined;
}

/**
 * `replace`: given fields take the place of the old ones, and a stale version is a conflict. `lww`: the same, but the
 * last write wins whatever the version. `union`: tags and entities are added to those there, metadata key by key; a
 * stale version is a conflict only where the two writers disagree.
 */
export const MERGES = ["replace", "lww", "union"] as const;

export type Merge = (typeof MERGES)[number];

const UNITED: ReadonlySet<string> = new Set(["tags", "entities", "metadata"]);

/** Whether changes made from an older version may still be applied to this one. */
export function mergesInto(current: Memory, changes: Changes, merge: Merge): boolean {
  if (merge !== "union") return merge === "lww";
  const overwrites = Object.entries(changes).some(
    ([field, value]) => value !== undefined && !UNITED.has(field),
  );
  if (overwrites) return false;
  const there = new Map<string, unknown>(Object.entries(current.metadata));
  return Object.entries(changes.metadata ?? {}).every(
    ([key, value]) => !there.has(key) || JSON.stringify(there.get(key)) === JSON.stringify(value),
  );
}

/**
 * The next version of a memory with the changes in it.
 *
 * @returns null when nothing would change.
 * @throws {DomainError} invalid, limit or invalid_state as `checkDraft` and `revise` do; invalid for no change at all.
 */
export function applyChanges(
  current: Memory,
  changes: Changes,
  merge: Merge,
  writing: Writing,
): Memory | null {
  if (Object.values(changes).every((value) => value === undefined))
    throw new DomainError("invalid", "changes is empty", { hint: "name at least one field to change" });
  const isUnion = merge === "union";
  const draft: Draft = {
    text: changes.text ?? current.text,
    kind: changes.kind ?? current.kind,
    title: changes.title ?? undefined,
    source: changes.source ?? undefined,
    thread: changes.thread ?? undefined,
    tags: isUnion ? [...current.tags, ...(changes.tags ?? [])] : changes.tags,
    metadata: isUnion ? united(current.metadata, changes.metadata ?? {}) : changes.metadata,
    entities: isUnion ? unitedMentions(current.entities, changes.entities ?? []) : changes.entities,
    task_id: changes.task_id ?? undefined,
    valid_from: changes.valid_from,
    valid_to: changes.valid_to ?? undefined,
  };
  checkDraft({ ...draft, tags: [...new Set(draft.tags)] }, "changes");
  return revise(current, draft, writing, {
    title: changes.title === null,
    source: changes.source === null,
    thread: changes.thread === null,
    taskId: changes.task_id === null,
    endsAt: changes.valid_to === null,
  });
}

/** Not a spread: a key named __proto__ is a key like any other. */
function united(there: object, given: object): object {
  const entries: (readonly [string, unknown])[] = [...Object.entries(there), ...Object.entries(given)];
  return Object.fromEntries(entries);
}

function unitedMentions(there: readonly Mention[], given: readonly Mention[]): readonly Mention[] {
  const key = ({ name, type }: Mention): string => JSON.stringify([name, type]);
  const known = new Set(there.map(key));
  return [...there, ...given.filter((mention) => !known.has(key(mention)))];
}
