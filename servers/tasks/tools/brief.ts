import { fitText } from "../../../kernel/tokens.ts";
import type { TaskStatus } from "../domain/task.ts";
import { fitList } from "./fit.ts";

/** A task's id and the beginning of its title: what a list of many needs. */
export function briefly(task: { readonly id: string; readonly title: string }): {
  readonly id: string;
  readonly title: string;
} {
  return { id: task.id, title: fitText(task.title, 15).text };
}

/** The same with where it stands. */
export function brieflyWithStatus(task: {
  readonly id: string;
  readonly title: string;
  readonly status: TaskStatus;
}): { readonly id: string; readonly title: string; readonly status: TaskStatus } {
  return { ...briefly(task), status: task.status };
}

/** How many there are, and those from the front that fit. */
export function shownOf<T>(
  items: readonly T[],
  maxTokens: number,
): { readonly count: number; readonly tasks: readonly T[] } {
  return { count: items.length, tasks: fitList(items.slice(0, MOST), maxTokens) };
}

const MOST = 20;
