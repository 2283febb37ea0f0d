import { added, isPurseEmpty, isSpent, spentSince } from "../domain/budget.ts";
import type { Task } from "../domain/task.ts";
import type { TaskEmit, TaskTx } from "./task-store.ts";

type Tx = TaskTx & { readonly emit: TaskEmit };

/**
 * The milestones that give out no work because the budget of this one, or one above it, is spent or reserved: none
 * where there is something left.
 */
export async function milestonesWithoutBudget(tx: TaskTx, milestone: string): Promise<readonly string[]> {
  const empty = (await tx.purses(milestone)).filter((purse) => isPurseEmpty(purse));
  const names = new Set<string>();
  for (const { milestone: spent } of empty)
    for (const name of await tx.milestonesBelow(spent)) names.add(name);
  return [...names];
}

/** Books that an attempt began, and what it reserved. */
export async function noteReserved(tx: Tx, task: Task): Promise<void> {
  if (task.milestone !== null) {
    await tx.charge(task.milestone, { tokens: 0, usd: 0, wall_s: 0, attempts: 1 });
    for (const { milestone, budget, spent } of await tx.purses(task.milestone))
      if (spent.attempts === budget.attempts)
        tx.emit("budget.exhausted", milestone, { of: "milestone", ...spent });
  }
  const grant = task.claim?.grant ?? {};
  if (Object.keys(grant).length > 0)
    tx.emit("budget.reserved", task.id, { attempt: task.attempt, milestone: task.milestone, ...grant });
}

/** Books what an attempt cost that has ended, and tells what is spent by it. */
export async function noteSettled(tx: Tx, before: Task, after: Task): Promise<void> {
  if (before.claim === null || after.claim !== null) return;
  const { milestone } = after;
  const cost = spentSince(before.spent, after.spent);
  const purses = milestone === null ? [] : await tx.purses(milestone);
  if (milestone !== null) await tx.charge(milestone, { ...cost, attempts: 0 });
  if (purses.length === 0 && Object.keys(before.claim.grant).length === 0) return;
  tx.emit("budget.settled", after.id, { attempt: after.attempt, milestone, ...cost });
  if (isSpent(after.budget, after.spent) && !isSpent(before.budget, before.spent))
    tx.emit("budget.exhausted", after.id, { of: "task", ...after.spent });
  for (const { milestone: name, budget, spent } of purses) {
    const now = added(spent, cost);
    if (isSpent(budget, now) && !isSpent(budget, spent))
      tx.emit("budget.exhausted", name, { of: "milestone", ...now, attempts: spent.attempts });
  }
}
