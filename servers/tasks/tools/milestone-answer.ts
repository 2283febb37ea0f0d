import { toIso } from "../../../kernel/clock.ts";
import type { Milestone } from "../domain/milestone.ts";
import { fitFields } from "./fit.ts";

/** What one milestone may cost in an answer. */
const MILESTONE_TOKENS = 300;

/** A milestone as an answer shows it, with what the caller adds. */
export function milestoneAnswer(
  milestone: Milestone,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const { name, goal, target, parent, due, priority, budget } = milestone;
  const shown = {
    name,
    ...(goal === null ? {} : { goal }),
    ...(parent === null ? {} : { parent }),
    ...(due === null ? {} : { due: toIso(due) }),
    ...(priority === null ? {} : { priority }),
    ...(target === null
      ? {}
      : { target: target.current === null ? { metric: target.metric, value: target.value } : target }),
    ...(Object.keys(budget).length === 0 ? {} : { budget }),
    ...more,
  };
  return fitFields(shown, ["goal", "target", "parent", "name"], MILESTONE_TOKENS);
}
