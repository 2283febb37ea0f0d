import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import type { TasksDeps } from "../deps.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { explainQueue } from "./explain-queue.ts";
import { explainTask } from "./explain-task.ts";
import { orElse, whole } from "../../../kernel/mcp/input.ts";

export const explainTasks = defineTool({
  name: "explain_tasks",
  title: "Explain tasks",
  description:
    "With id: why the task is not ready and what it blocks. Without: counts, ready work, levels, critical path, bottlenecks and a forecast.",
  input: z.object({ id: z.string().optional(), max_tokens: orElse(whole(200, 20_000), () => 1_500) }),
  output: z.looseObject({
    why: z.array(z.string()).optional(),
    blocks: z.looseObject({}).optional(),
    counts: z.looseObject({}).optional(),
    forecast: z.looseObject({}).optional(),
  }),
  annotations: READS,
  async run({ id, max_tokens }, { store, clock }: TasksDeps, call) {
    const now = clock();
    await settleBeforeReading(store, call, now);
    return store.read((tx) =>
      id === undefined ? explainQueue(tx, now, max_tokens) : explainTask(tx, id, now, max_tokens),
    );
  },
});
