import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { openGraph, type OpenGraph } from "../domain/analysis/graph.ts";
import type { TasksDeps } from "../deps.ts";
import type { TaskTx } from "../store/task-store.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { explainQueue } from "./explain-queue.ts";
import { explainTask } from "./explain-task.ts";

/** What one analysis looks at; beyond it only what the store counts by itself is told. */
const MOST_TASKS = 20_000;
const MOST_EDGES = 200_000;

export const explainTasks = defineTool({
  name: "explain_tasks",
  title: "Explain tasks",
  description:
    "With id: why the task is not ready and what it blocks. Without: counts, ready work, levels, critical path, bottlenecks and a forecast in seconds.",
  input: z.object({ id: z.string().optional() }),
  output: z.looseObject({
    why: z.array(z.string()).optional(),
    blocks: z.looseObject({}).optional(),
    counts: z.looseObject({}).optional(),
    forecast: z.looseObject({}).optional(),
  }),
  annotations: READS,
  async run({ id }, { store, clock }: TasksDeps, call) {
    const now = clock();
    await settleBeforeReading(store, call, now);
    return store.read(async (tx) => {
      const graph = await loadGraph(tx);
      return id === undefined ? explainQueue(tx, graph, now) : explainTask(tx, graph, id, now);
    });
  },
});

/** The work that is left, or null where it is too much to look at in one call. */
async function loadGraph(tx: TaskTx): Promise<OpenGraph | null> {
  const tasks = await tx.openTasks(MOST_TASKS + 1);
  if (tasks.length > MOST_TASKS) return null;
  const edges = await tx.openEdges(MOST_EDGES + 1);
  return edges.length > MOST_EDGES ? null : openGraph(tasks, edges);
}
