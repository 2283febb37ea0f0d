import type { TaskStatus } from "../task.ts";

/** What the analysis needs to know of a task that is not over. */
export interface OpenTask {
  readonly id: string;
  readonly title: string;
  readonly status: TaskStatus;
  /** See `rankOf`. */
  readonly rank: number;
  readonly milestone: string | null;
  readonly estimateS: number | null;
  /** Epoch milliseconds. */
  readonly notBefore: number | null;
}

/** One task waits for another; both are open. */
export interface OpenEdge {
  readonly on: string;
  readonly task: string;
}

/** The work that is left, by places in `tasks`. */
export interface OpenGraph {
  readonly tasks: readonly OpenTask[];
  readonly waitsFor: readonly (readonly number[])[];
  readonly blocks: readonly (readonly number[])[];
  /** Every place, after all places that it waits for. */
  readonly order: readonly number[];
}

/** Puts open tasks and their dependencies together; a dependency on a task that is not among them is over. */
export function openGraph(tasks: readonly OpenTask[], edges: readonly OpenEdge[]): OpenGraph {
  const placeOf = new Map(tasks.map(({ id }, place) => [id, place]));
  const waitsFor = tasks.map((): number[] => []);
  const blocks = tasks.map((): number[] => []);
  for (const { on, task } of edges) {
    const from = placeOf.get(on);
    const to = placeOf.get(task);
    if (from === undefined || to === undefined) continue;
    waitsFor[to]?.push(from);
    blocks[from]?.push(to);
  }
  return { tasks, waitsFor, blocks, order: orderOf(waitsFor, blocks) };
}

function orderOf(
  waitsFor: readonly (readonly number[])[],
  blocks: readonly (readonly number[])[],
): readonly number[] {
  const left = waitsFor.map((on) => on.length);
  const order = left.flatMap((count, place) => (count === 0 ? [place] : []));
  // The list grows while it is walked: whatever became free is at its end.
  for (const place of order) {
    for (const next of blocks[place] ?? []) {
      const count = (left[next] ?? 0) - 1;
      left[next] = count;
      if (count === 0) order.push(next);
    }
  }
  return order;
}
