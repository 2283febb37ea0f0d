import { openGraph, type OpenGraph, type OpenTask } from "../domain/analysis/graph.ts";
import type { TaskTx } from "../store/task-store.ts";

/** What one analysis looks at; beyond it only what the store counts by itself is told. */
const MOST_TASKS = 20_000;
const MOST_EDGES = 200_000;

export const TOO_LARGE =
  "more than 20,000 open tasks or 200,000 dependencies between them: the rest is not worked out";

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
