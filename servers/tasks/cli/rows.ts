import { toIso } from "../../../kernel/clock.ts";
import { oneLine } from "../../../kernel/text.ts";
import type { Task, TaskStatus } from "../domain/task.ts";

const ID = 20;
const STATUS = 14;
const STANDING = 26;
const TITLE = 100;

/** The words above `taskRow`. */
export const TASK_HEAD = [
  "id".padEnd(ID),
  "status".padEnd(STATUS),
  "pri",
  "standing".padEnd(STANDING),
  "title",
].join("  ");

/** A task on one line, in columns that are the same for every task. */
export function taskRow(task: Task): string {
  return [
    task.id.padEnd(ID),
    task.status.padEnd(STATUS),
    String(task.priority).padStart(3),
    standing(task).padEnd(STANDING),
    oneLine(task.title, TITLE),
  ].join("  ");
}

/** A task among others that are named for its sake. */
export function briefRow(task: {
  readonly id: string;
  readonly status: TaskStatus;
  readonly title: string;
}): string {
  return `${task.id.padEnd(ID)}  ${task.status.padEnd(STATUS)}  ${oneLine(task.title, TITLE)}`;
}

/** What a task waits for, or who is at it, as far as its own row tells. */
function standing(task: Task): string {
  if (task.claim !== null)
    return `${oneLine(task.claim.agent, 18)} ${percent(task.progress)}${task.claim.cancelRequested ? " !" : ""}`;
  if (task.status === "scheduled" && task.notBefore !== null) return toIso(task.notBefore);
  if (task.openDeps > 0) return `${task.openDeps} open`;
  return task.assignee === null ? "" : `for ${oneLine(task.assignee, 22)}`;
}

export function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

/** How many tasks there are in each state, the busiest states first. */
export function countsLine(counts: Readonly<Partial<Record<TaskStatus, number>>>): string {
  const order = [
    "running",
    "ready",
    "blocked",
    "scheduled",
    "paused",
    "needs_review",
    "needs_decision",
    "succeeded",
    "dead",
    "cancelled",
  ] as const satisfies readonly TaskStatus[];
  const parts = order.flatMap((status) =>
    counts[status] === undefined ? [] : [`${counts[status]} ${status}`],
  );
  return parts.length === 0 ? "the queue is empty" : parts.join(", ");
}

/** The order in which tasks that belong to another one are named: the oldest first, then by title. */
export function byAge(a: { readonly task: Task }, b: { readonly task: Task }): number {
  return a.task.createdAt - b.task.createdAt || a.task.title.localeCompare(b.task.title);
}
