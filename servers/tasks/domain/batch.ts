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
  | { readonly kind: "cycle"; readonly path: readonly string[] };

/**
 * Looks for what makes a batch impossible: the same ref twice, or a circle. Tasks that exist already cannot depend
 * on new ones, so every new circle lies inside the batch.
 */
export function findProblem(items: readonly BatchItem[]): BatchProblem | null {
  const byRef = new Map<string, BatchItem>();
  for (const item of items) {
    if (item.ref === null) continue;
    if (byRef.has(item.ref)) return { kind: "duplicate_ref", ref: item.ref };
    byRef.set(item.ref, item);
  }
  const done = new Set<string>();
  for (const start of byRef.keys()) {
    const cycle = walk(start, byRef, done);
    if (cycle !== null) return { kind: "cycle", path: cycle };
  }
  return null;
}

/** Depth first without recursion, so that a chain of ten thousand tasks does not exhaust the stack. */
function walk(start: string, byRef: ReadonlyMap<string, BatchItem>, done: Set<string>): readonly string[] | null {
  const path: { readonly ref: string; next: number }[] = [{ ref: start, next: 0 }];
  const onPath = new Set([start]);
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const child = byRef.get(top.ref)?.dependsOn[top.next];
    top.next += 1;
    if (child === undefined) {
      done.add(top.ref);
      onPath.delete(top.ref);
      path.pop();
    } else if (onPath.has(child.task)) {
      const refs = path.map((step) => step.ref);
      return [...refs.slice(refs.indexOf(child.task)), child.task];
    } else if (byRef.has(child.task) && !done.has(child.task)) {
      onPath.add(child.task);
      path.push({ ref: child.task, next: 0 });
    }
  }
  return null;
}

/** The places of the items in an order in which everything comes after what it depends on. Needs a batch without circles. */
export function dependencyOrder(items: readonly BatchItem[]): readonly number[] {
  const placeOf = new Map(items.flatMap((item, place) => (item.ref === null ? [] : [[item.ref, place] as const])));
  const inside = items.map((item) => [...new Set(item.dependsOn.flatMap(({ task }) => placeOf.get(task) ?? []))]);
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
