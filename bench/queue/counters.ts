import { DatabaseSync } from "node:sqlite";
import { z } from "zod";

const Wrong = z.object({ id: z.string(), status: z.string(), kept: z.number(), counted: z.number() });

/** Every task's counter of open dependencies beside the dependencies themselves, and states that contradict it. */
const AUDIT = `
SELECT id, status, open_deps AS kept, counted FROM (
  SELECT task.id, task.status, task.open_deps,
    (SELECT count(*) FROM dependency JOIN task AS other ON other.id = dependency.on_id
     WHERE dependency.task_id = task.id AND other.status NOT IN ('succeeded', 'dead', 'cancelled')) AS counted
  FROM task)
WHERE open_deps <> counted OR (status = 'blocked' AND counted = 0) OR (status IN ('ready', 'scheduled') AND counted > 0)
LIMIT 20`;

/** Recomputes what the store keeps as counters; one line for each task that is wrong, empty where none is. */
export function counterProblems(path: string): readonly string[] {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  try {
    return db
      .prepare(AUDIT)
      .all()
      .map((row) => Wrong.parse(row))
      .map(
        ({ id, status, kept, counted }) =>
          `${id} is ${status}: ${kept} open dependencies kept, ${counted} counted`,
      );
  } finally {
    db.close();
  }
}
