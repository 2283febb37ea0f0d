import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import type { TasksDeps } from "../deps.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { explainQueue } from "./explain-queue.ts";
import { loadGraph } from "./load-graph.ts";
import { explainTask } from "./explain-task.ts";

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
