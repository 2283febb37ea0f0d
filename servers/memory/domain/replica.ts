import type { Memory, Mention } from "./memory.ts";

/**
 * How copies of one memory become one. `lww`: the last write wins. `union`: the same for everything but tags, entities
 * and metadata, where those of both stay; of a key that both have, the value with the larger text stays, whoever wrote
 * it last: the time of each key is not known.
 */
export const JOINS = ["lww", "union"] as const;

export type Join = (typeof JOINS)[number];

/** What copies of a memory may differ in. */
export type Replica = Pick<
  Memory,
  | "kind"
  | "title"
  | "text"
  | "source"
  | "thread"
  | "tags"
  | "metadata"
  | "entities"
  | "taskId"
  | "startsAt"
  | "endsAt"
  | "updatedAt"
>;

/**
 * One copy out of two. Commutative, associative and idempotent: replicas that exchange what they have come to the
 * same, in any order and however often. Of copies of the same time the one with the larger text wins.
 *
 * Source: Shapiro, Preguiça, Baquero and Zawirski, "Conflict-free Replicated Data Types" (2011): the join of a
 * semilattice.
 */
export function joinReplicas(a: Replica, b: Replica, join: Join): Replica {
  if (join === "lww") return latest(a, b, textOf);
  return {
    ...latest(a, b, (one) => textOf({ ...one, tags: [], entities: [], metadata: {} })),
    tags: [...new Set([...a.tags, ...b.tags])].toSorted(),
    entities: unitedMentions([...a.entities, ...b.entities]),
    metadata: unitedKeys(a.metadata, b.metadata),
  };
}

/** Whether two copies say the same; tags and entities are sets, and keys have no order. */
export function sameReplica(a: Replica, b: Replica): boolean {
  return a.updatedAt === b.updatedAt && textOf(a) === textOf(b);
}

function latest(a: Replica, b: Replica, text: (one: Replica) => string): Replica {
  if (a.updatedAt !== b.updatedAt) return a.updatedAt > b.updatedAt ? a : b;
  return text(a) >= text(b) ? a : b;
}

function textOf({
  kind,
  title,
  text,
  source,
  thread,
  tags,
  metadata,
  entities,
  taskId,
  startsAt,
  endsAt,
}: Replica): string {
  // A list of lists: an object's keys would come in the order they were set.
  return JSON.stringify([
    [kind, title ?? null, text, taskId ?? null, startsAt, endsAt ?? null],
    [source?.uri ?? null, source?.path ?? null, source?.commit ?? null],
    [thread?.id ?? null, thread?.session ?? null, thread?.seq ?? null, thread?.author ?? null],
    [...new Set(tags)].toSorted(),
    unitedMentions(entities),
    Object.entries(unitedKeys(metadata, {})),
  ]);
}

function unitedMentions(mentions: readonly Mention[]): readonly Mention[] {
  const byText = new Map(mentions.map(({ name, type }) => [JSON.stringify([name, type]), { name, type }]));
  return [...byText].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, mention]) => mention);
}

/** Not a spread: a key named __proto__ is a key like any other. */
function unitedKeys(a: object, b: object): object {
  const values = new Map<string, unknown>();
  const entries: (readonly [string, unknown])[] = [...Object.entries(a), ...Object.entries(b)];
  for (const [key, value] of entries)
    if (!values.has(key) || JSON.stringify(value) > JSON.stringify(values.get(key))) values.set(key, value);
  return Object.fromEntries([...values].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
