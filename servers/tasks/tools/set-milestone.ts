import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { isSpent, MOST, NOTHING_SPENT } from "../domain/budget.ts";
import { changedMilestone, MOST_LEVELS } from "../domain/milestone.ts";
import type { TasksDeps } from "../deps.ts";
import type { TaskTx } from "../store/task-store.ts";
import { idempotencyKey } from "./answer.ts";
import { amount, closed, text, whole } from "../../../kernel/mcp/input.ts";
import { milestoneAnswer } from "./milestone-answer.ts";

const budget = closed({
  tokens: amount(0, MOST.tokens).optional(),
  usd: amount(0, MOST.usd).optional(),
  wall_s: amount(0, MOST.wall_s).optional(),
  attempts: whole(1, 1_000_000_000).optional(),
}).superRefine((wanted, { addIssue }) => {
  if (isSpent(wanted, NOTHING_SPENT))
    addIssue({ code: "custom", message: "a budget is above 0", input: wanted });
});

const target = closed({ metric: text(100, 1), value: z.number(), current: z.number().optional() });

export const setMilestone = defineTool({
  name: "set_milestone",
  title: "Set a milestone",
  description:
    "Makes or changes a milestone: a quarter, month, week, day or run that tasks name. Its budget bounds all below it. What is left out stays.",
  input: z.object({
    name: text(100, 1),
    goal: text(2_000).optional(),
    target: z.unknown().pipe(target).optional().describe("{metric, value, current}"),
    parent: text(100).nullable().optional(),
    due: z
      .string()
      .pipe(z.union([z.iso.datetime({ offset: true }), z.iso.date()]))
      .optional(),
    priority: whole(1, 10).optional().describe("of tasks added without one"),
    budget: z.unknown().pipe(budget).optional().describe("{tokens, usd, wall_s, attempts}"),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({ milestone: z.looseObject({}) }),
  annotations: WRITES,
  run({ name, goal, target: aim, parent, due, priority, budget: bounds }, { store, clock }: TasksDeps, call) {
    return store.answer(call, async (tx) => {
      const now = clock();
      if (typeof parent === "string") await refuseParent(tx, name, parent);
      const milestone = changedMilestone(
        await tx.findMilestone(name),
        {
          name,
          goal,
          target:
            aim === undefined
              ? undefined
              : { metric: aim.metric, value: aim.value, current: aim.current ?? null },
          parent,
          due: due === undefined ? undefined : Date.parse(due),
          priority,
          budget:
            bounds === undefined
              ? undefined
              : {
                  tokens: bounds.tokens,
                  usd: bounds.usd,
                  wall_s: bounds.wall_s,
                  attempts: bounds.attempts,
                },
        },
        now,
      );
      await tx.saveMilestone(milestone);
      tx.emit("milestone.changed", name, {
        goal: milestone.goal?.slice(0, 500),
        parent: milestone.parent,
        due: milestone.due,
        target: milestone.target?.value,
        current: milestone.target?.current,
      });
      return { milestone: milestoneAnswer(milestone) };
    });
  },
});

/** @throws {DomainError} not_found for no such parent, invalid for a circle or too many levels. */
async function refuseParent(tx: TaskTx, name: string, parent: string): Promise<void> {
  const line = [name];
  for (let next: string | null = parent; next !== null;) {
    line.push(next);
    if (next === name) {
      throw new DomainError("invalid", `the milestones would nest in a circle: ${line.join(" -> ")}`, {
        hint: "give another parent",
      });
    }
    if (line.length > MOST_LEVELS)
      throw new DomainError("limit", `milestones nest at most ${MOST_LEVELS} levels`, {
        hint: "give a parent further up",
      });
    const above = await tx.findMilestone(next);
    if (above === undefined) {
      throw new DomainError("not_found", `there is no milestone ${next}`, {
        hint: "set_milestone makes the parent first",
      });
    }
    next = above.parent;
  }
  // What nests below comes along: the whole line must not grow too long either.
  if (line.length + (await tx.levelsBelow(name)) > MOST_LEVELS)
    throw new DomainError("limit", `milestones nest at most ${MOST_LEVELS} levels`, {
      hint: "give a parent further up",
    });
}
