import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { TASK_STATUSES } from "../domain/task.ts";
import type { TasksDeps } from "../deps.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { taskSummary } from "./answer.ts";
import { fitList } from "./fit.ts";
import { orElse, whole, word } from "../../../kernel/mcp/input.ts";

const status = word(TASK_STATUSES);

export const listTasks = defineTool({
  name: "list_tasks",
  title: "List tasks",
  description: "Lists tasks in short, oldest first; all filters must match.",
  input: z.object({
    status: z.union([status, z.array(status)]).optional(),
    type: z.string().optional(),
    milestone: z.string().optional(),
    agent: z.string().optional(),
    text: z.string().optional().describe("part of title or description"),
    limit: orElse(whole(1, 500), () => 50),
    cursor: z.string().optional(),
    max_tokens: orElse(whole(200, 20_000), () => 1_500),
  }),
  output: z.object({ tasks: z.array(z.looseObject({})), next_cursor: z.string().optional() }),
  annotations: READS,
  core: true,
  async run(
    { status: wanted, type, milestone, agent, text, limit, cursor, max_tokens },
    { store, clock }: TasksDeps,
    call,
  ) {
    await settleBeforeReading(store, call, clock());
    const query = {
      status: wanted === undefined ? undefined : [wanted].flat(),
      type,
      milestone,
      agent,
      text,
      after: cursor,
      limit: limit + 1,
    };
    const found = await store.read(async (tx) => {
      if (cursor !== undefined && (await tx.find(cursor)) === undefined) {
        throw new DomainError("invalid", "cursor is not one that list_tasks gave", {
          hint: "leave cursor out to begin again",
        });
      }
      return tx.list(query);
    });
    const taken = fitList(found.slice(0, limit).map(taskSummary), max_tokens - 40);
    const last = taken.at(-1);
    return {
      tasks: [...taken],
      ...(taken.length < found.length && last !== undefined ? { next_cursor: last.id } : {}),
    };
  },
});
