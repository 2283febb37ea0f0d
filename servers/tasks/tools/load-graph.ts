import { openGraph, type OpenGraph, type OpenTask } from "../domain/analysis/graph.ts";
import type { TaskTx } from "../store/task-store.ts";

/** What one analysis looks at; beyond it only what the store counts by itself is told. */
const MOST_TASKS = 200_000;
const MOST_EDGES = 1_000_000;

export const TOO_LARGE =
  "more than 200,000 open tasks or 1,000,000 dependencies between them: the rest is not worked out";

/** Where what grows faster than the graph would keep a caller waiting. */
const LARGE = 20_000;

/** Whether only what grows no faster than the graph is worked out, and forecasts come from few simulations. */
export function isLarge({ tasks, waitsFor }: OpenGraph): boolean {
  return tasks.length > LARGE || waitsFor.reduce((sum, on) => sum + on.length, 0) > 10 * LARGE;
}

export const SAMPLED =
  "more than 20,000 open tasks or 200,000 dependencies: no bottlenecks, and the forecast is of few simulations";

/** The work that is left, or null where it is too much to look at in one call; `suppose` may change it before. */
export async function loadGraph(
  tx: TaskTx,
  suppose: (tasks: readonly OpenTask[]) => readonly OpenTask[] = (tasks) => tasks,
): Promise<OpenGraph | null> {
  const tasks = await tx.openTasks(MOST_TASKS + 1);
  if (tasks.length > MOST_TASKS) return null;
  const edges = await tx.openEdges(MOST_EDGES + 1);
  return edges.length > MOST_EDGES ? null : openGraph(suppose(tasks), edges);
}
