import type { Purse } from "./budget.ts";

/** A goal on the road: a quarter, a month, a week, a day, a release, or a run. Tasks name it; milestones nest. */
export interface Milestone {
  readonly name: string;
  readonly goal: string | null;
  readonly target: Target | null;
  readonly parent: string | null;
  /** Epoch milliseconds. */
  readonly due: number | null;
  /** What its tasks get that are added without a priority, 1..10. */
  readonly priority: number | null;
  readonly budget: Purse["budget"];
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What is to be reached, in the metric's own unit. */
export interface Target {
  readonly metric: string;
  readonly value: number;
  /** Where it stands, or null while nobody said. */
  readonly current: number | null;
}

/** How many levels milestones may nest: quarter, month, week, day and some to spare. */
export const MOST_LEVELS = 20;

/** What somebody wants of a milestone; what is undefined stays as it was. */
export type MilestoneWish = {
  readonly [Field in Exclude<keyof Milestone, "name" | "createdAt" | "updatedAt">]:
    | Milestone[Field]
    | undefined;
} & { readonly name: string };

export function changedMilestone(known: Milestone | undefined, wish: MilestoneWish, now: number): Milestone {
  const was = known ?? { goal: null, target: null, parent: null, due: null, priority: null, budget: {} };
  return {
    name: wish.name,
    goal: wish.goal ?? was.goal,
    target: wish.target ?? was.target,
    parent: wish.parent === undefined ? was.parent : wish.parent,
    due: wish.due ?? was.due,
    priority: wish.priority ?? was.priority,
    budget: wish.budget ?? was.budget,
    createdAt: known?.createdAt ?? now,
    updatedAt: now,
  };
}
