import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import type { TasksDeps } from "../deps.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { maxTokensInput, mustFind, SHOWN_ORPHANS, taskDetail, taskSummary } from "./answer.ts";
import { cost, fitList } from "./fit.ts";
import { orElse } from "../../../kernel/mcp/input.ts";

export const getTask = defineTool({
  name: "get_task",
  title: "Get a task",
  description: "Shows one task in full; include adds what it depends on and what waits for it.",
  input: z.object({
    id: z.string(),
    include: orElse(z.array(z.enum(["dependencies", "dependents"])), () => []),
    max_tokens: maxTokensInput,
  }),
  output: z.object({ task: z.looseObject({}) }),
  annotations: READS,
  core: true,
  async run({ id, include, max_tokens }, { store, clock }: TasksDeps, call) {
    await settleBeforeReading(store, call, clock());
    return store.read(async (tx) => {
      const task = await mustFind(tx, id);
      const detail = taskDetail(
        task,
        include.length === 0 ? max_tokens - 10 : Math.ceil(max_tokens / 2),
        await tx.orphans(id, SHOWN_ORPHANS),
      );
      const neighbours: Record<string, unknown> = {};
      const kinds = [...new Set(include)];
      const share = (max_tokens - cost(detail)) / Math.max(1, kinds.length) - 30;
      for (const kind of kinds) {
        const related = await (kind === "dependencies" ? tx.dependencies(id) : tx.dependents(id));
        const shown = fitList(
          related.slice(0, 50).map(({ task: other, on }) => ({ ...taskSummary(other), on })),
          share,
        );
        neighbours[kind] = shown;
        if (related.length > shown.length) neighbours[`${kind}_count`] = related.length;
      }
      return { task: { ...detail, ...neighbours } };
    });
  },
});
