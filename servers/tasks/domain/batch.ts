import { findCycle } from "../../../kernel/graph.ts";

/** What a dependency waits for: the other task's success, or its end for good or ill. */
export interface Dependency {
  /** An id, or a ref of the same batch. */
  readonly task: string;
  readonly on: "success" | "finish";
}

export interface BatchItem {
  readonly ref: string | null;
  readonly dependsOn: readonly Dependency[];
}

export type BatchProblem =
  | { readonly kind: "duplicate_ref"; readonly ref: string }
  | { readonly kind: "ref_like_id"; readonly ref: string }
  | { readonly kind: "cycle"; readonly path: readonly string[] };

/** How every task id begins; a ref that looked like one could hide an existing task. */
export const ID_PREFIX = "tsk_";

/** Each dependency once; where a task is named twice, the stricter wish holds. */
export function mergeDependencies(dependencies: readonly Dependency[]): readonly Dependency[] {
  const merged = new Map<string, Dependency>();
  for (const dependency of dependencies) {
    if (merged.get(dependency.task)?.on !== "success") merged.set(dependency.task, dependency);
  }
  return [...merged.values()];
}

/**
 * Looks for what makes a batch impossible: a bad ref, the same ref twice, or a circle. Tasks that exist already cannot depend
 * on new ones, so every new circle lies inside the batch.
 */
export function findProblem(items: readonly BatchItem[]): BatchProblem | null {
  const dependsOn = new Map<string, readonly string[]>();
  for (const { ref, dependsOn: on } of items) {
    if (ref === null) continue;
    if (ref.startsWith(ID_PREFIX)) return { kind: "ref_like_id", ref };
    if (dependsOn.has(ref)) return { kind: "duplicate_ref", ref };
    dependsOn.set(
      ref,
      on.map((dependency) => dependency.task),
    );
  }
  const path = findCycle(dependsOn);
  return path === null ? null : { kind: "cycle", path };
}

/** The places of the items in an order in which everything comes after what it depends on. Needs a batch without circles. */
export function dependencyOrder(items: readonly BatchItem[]): readonly number[] {
  const placeOf = new Map(
    items.flatMap((item, place) => (item.ref === null ? [] : [[item.ref, place] as const])),
  );
  const inside = items.map((item) => [
    ...new Set(item.dependsOn.flatMap(({ task }) => placeOf.get(task) ?? [])),
  ]);
  const waiting = inside.map((on) => on.length);
  const dependents = items.map((): number[] => []);
  inside.forEach((on, place) => on.forEach((before) => dependents[before]?.push(place)));
  const order = waiting.flatMap((count, place) => (count === 0 ? [place] : []));
  for (const place of order) {
    for (const dependent of dependents[place] ?? []) {
      const left = (waiting[dependent] ?? 0) - 1;
      waiting[dependent] = left;
      if (left === 0) order.push(dependent);
    }
  }
  return order;
}
