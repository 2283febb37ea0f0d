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

/** How many there are, and those from the front that fit, as `show` has them. */
export function shownOf<T, S>(
  items: readonly T[],
  maxTokens: number,
  show: (item: T) => S,
): { readonly count: number; readonly tasks: readonly S[] } {
  return { count: items.length, tasks: fitList(items.slice(0, MOST_SHOWN).map(show), maxTokens) };
}

/** More never fit an answer. */
export const MOST_SHOWN = 500;
