import type { OpenTask } from "./analysis/graph.ts";
import type { Milestone } from "./milestone.ts";
import type { TaskStatus } from "./task.ts";

export interface Counted {
  readonly milestone: string;
  readonly status: TaskStatus;
  readonly count: number;
}

/** Names with all that nest below them, themselves included. */
export type Subtrees = ReadonlyMap<string, ReadonlySet<string>>;

export function subtreesOf(milestones: readonly Milestone[]): Subtrees {
  const parents = new Map(milestones.map(({ name, parent }) => [name, parent]));
  const below = new Map(milestones.map(({ name }) => [name, new Set<string>()]));
  for (const { name } of milestones) {
    for (let above: string | null = name; above !== null; above = parents.get(above) ?? null)
      below.get(above)?.add(name);
  }
  return below;
}

/** How many tasks of a subtree stand where. */
export function countsIn(
  names: ReadonlySet<string>,
  counted: readonly Counted[],
): Readonly<Partial<Record<TaskStatus, number>>> {
  const counts: Partial<Record<TaskStatus, number>> = {};
  for (const { milestone, status, count } of counted)
    if (names.has(milestone)) counts[status] = (counts[status] ?? 0) + count;
  return counts;
}

/** The share of tasks that succeeded, 0..1, of those that were not cancelled; null where there are none. */
export function progressOf(counts: Readonly<Partial<Record<TaskStatus, number>>>): number | null {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0) - (counts.cancelled ?? 0);
  return all === 0 ? null : (counts.succeeded ?? 0) / all;
}

/** What somebody supposes; nothing of it is written. */
export interface Supposition {
  /** Ids of tasks, or milestones with all below them, that are not to be done. */
  readonly drop: readonly string[];
  /** A milestone whose tasks go before all others. */
  readonly first: string | undefined;
}

/** The tasks as they would be. */
export function supposed(
  tasks: readonly OpenTask[],
  { drop, first }: Supposition,
  subtrees: Subtrees,
): readonly OpenTask[] {
  const dropped = new Set(drop.flatMap((name) => [name, ...(subtrees.get(name) ?? [])]));
  const ahead = first === undefined ? undefined : subtrees.get(first);
  return tasks
    .filter(({ id, milestone }) => !dropped.has(id) && !(milestone !== null && dropped.has(milestone)))
    .map((task) =>
      task.milestone !== null && ahead?.has(task.milestone) === true
        ? { ...task, rank: task.rank - AHEAD_MS }
        : task,
    );
}

/** Further than any priority or age reaches: a thousand years. */
const AHEAD_MS = 31_557_600_000_000;

/** By due date, then by name; without a date last. */
export function inRoadOrder(milestones: readonly Milestone[]): readonly Milestone[] {
  return milestones.toSorted(
    (a, b) =>
      (a.due ?? Number.MAX_SAFE_INTEGER) - (b.due ?? Number.MAX_SAFE_INTEGER) || (a.name < b.name ? -1 : 1),
  );
}
