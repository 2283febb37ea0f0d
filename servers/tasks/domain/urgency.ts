/** What one step of priority is worth in waiting, in milliseconds. */
export const PRIORITY_STEP_MS = 3_600_000;

/**
 * Where a task stands in the order of giving out, smaller first: the time it was added, brought forward by one hour
 * for each step of priority. The key never changes by waiting, yet waiting counts: whatever was added nine hours
 * later comes after even the least urgent task, so nothing starves.
 */
export function rankOf(task: { readonly createdAt: number; readonly priority: number }): number {
  return task.createdAt - task.priority * PRIORITY_STEP_MS;
}
