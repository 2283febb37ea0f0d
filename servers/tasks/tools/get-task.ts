import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import type { TasksDeps } from "../server.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { maxTokensInput, mustFind, taskDetail, taskSummary } from "./answer.ts";

export const getTask = defineTool({
  name: "get_task",
  title: "Get a task",
  description: "Shows one task in full; include adds what it depends on and what waits for it.",
  input: z.object({ id: z.string(), include: z.array(z.enum(["dependencies", "dependents"])).default([]), max_tokens: maxTokensInput }),
  output: z.object({ task: z.looseObject({ id: z.string() }) }),
  annotations: READS,
  core: true,
  async run({ id, include, max_tokens }, { store, clock }: TasksDeps, call) {
    await settleBeforeReading(store, call, clock());
    return store.read(async (tx) => {
      const task = await mustFind(tx, id);
      const neighbours: Record<string, unknown> = {};
      for (const kind of include) {
        const related = await (kind === "dependencies" ? tx.dependencies(id) : tx.dependents(id));
        neighbours[kind] = related.slice(0, 50).map(({ task: other, on }) => ({ ...taskSummary(other), on }));
        if (related.length > 50) neighbours[`${kind}_count`] = related.length;
      }
      return { task: { ...taskDetail(task, max_tokens), ...neighbours } };
    });
  },
});
