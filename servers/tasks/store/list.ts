import { FOLD_CASE } from "../../../kernel/sqlite/open.ts";
import { TASK_STATUSES } from "../domain/task.ts";
import type { TaskQuery } from "./task-store.ts";

// Every part names all parameters, so that they are bound alike whatever is asked for.
const filters = (fold: string): string => `(?1 IS NULL OR status IN (SELECT value FROM json_each(?1)))
  AND (?2 IS NULL OR type = ?2) AND (?3 IS NULL OR milestone = ?3) AND (?4 IS NULL OR worker = ?4 OR assignee = ?4)
  AND (?5 IS NULL OR instr(${fold}(title || ' ' || description), ${fold}(?5)) > 0)
  AND seq > coalesce((SELECT seq FROM task WHERE id = ?6), 0)`;

/**
 * The query that lists tasks, oldest first, with these parameters: statuses as JSON, type, milestone, agent, text, the
 * id of the last task of the page before, and how many. It is the union of runs of the index that fits what is asked
 * for; each is in order already, so a page costs the same however many tasks there are. Only a text is looked for
 * task by task.
 */
export function listQuery({
  status,
  type,
  milestone,
  agent,
  text,
}: Pick<TaskQuery, "status" | "type" | "milestone" | "agent"> & {
  readonly text?: string | undefined;
}): string {
  // SQLite's own lower() knows ASCII only, and costs less.
  const all = filters(isAscii(text ?? "") ? "lower" : FOLD_CASE);
  const part = (index: string, first: string): string =>
    `SELECT * FROM task INDEXED BY ${index} WHERE ${first} AND ${all} ORDER BY seq LIMIT ?7`;
  const byStatus = (index: string, first: string): readonly string[] =>
    (status ?? TASK_STATUSES).map((one) => part(index, `${first}status = '${one}'`));
  const parts =
    milestone !== undefined
      ? byStatus("task_milestone", "milestone = ?3 AND ")
      : agent !== undefined
        ? [
            part("task_by_worker", "worker = ?4"),
            part("task_by_assignee", "assignee = ?4 AND worker IS NOT ?4"),
          ]
        : type !== undefined
          ? byStatus("task_by_type", "type = ?2 AND ")
          : status !== undefined
            ? byStatus("task_status", "")
            : [`SELECT * FROM task WHERE ${all} ORDER BY seq LIMIT ?7`];
  return parts.length === 1
    ? (parts[0] ?? "")
    : `${parts.map((one) => `SELECT * FROM (${one})`).join("\nUNION ALL ")} ORDER BY seq LIMIT ?7`;
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}
