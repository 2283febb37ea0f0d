import { z } from "zod";
import { parseRow, type Sql } from "../../../kernel/sqlite/database.ts";
import { TASK_STATUSES } from "../domain/task.ts";
import type { AnalysisTx } from "./task-store.ts";

const OpenRow = z.object({
  id: z.string(),
  title: z.string(),
  status: z.enum(TASK_STATUSES),
  rank: z.int(),
  milestone: z.string().nullable(),
  estimate_s: z.number().nullable(),
  not_before: z.int().nullable(),
});
const BriefRow = z.object({ id: z.string(), title: z.string() });
export const EdgeRow = z.object({ on: z.string(), task: z.string() });
const AttemptRow = z.object({ seconds: z.number(), type: z.string() });
const ReservationRow = z.object({ task: z.string(), agent: z.string().nullable(), path: z.string() });

const OVER = "('succeeded', 'dead', 'cancelled')";

/** The reads that look at the whole queue; every one is bounded by its caller. */
export function analysisTx(sql: Sql): AnalysisTx {
  return {
    async openTasks(limit) {
      return sql
        .all(
          `SELECT id, substr(title, 1, 200) AS title, status, rank, milestone, json_extract(body, '$.estimateS') AS estimate_s, not_before
           FROM task WHERE status NOT IN ${OVER} ORDER BY seq LIMIT ?`,
          limit,
        )
        .map((row) => {
          const { estimate_s, not_before, ...rest } = parseRow(OpenRow, row);
          return { ...rest, estimateS: estimate_s, notBefore: not_before };
        });
    },
    async readyFirst(limit) {
      return sql
        .all(
          "SELECT id, substr(title, 1, 200) AS title FROM task INDEXED BY task_ready WHERE status = 'ready' ORDER BY rank, seq LIMIT ?",
          limit,
        )
        .map((row) => parseRow(BriefRow, row));
    },
    async openBelow(id, limit) {
      return sql
        .all(
          `WITH RECURSIVE below (id) AS (
             SELECT ?1
             UNION SELECT task.id FROM below CROSS JOIN dependency ON dependency.on_id = below.id
               CROSS JOIN task ON task.id = dependency.task_id WHERE task.status NOT IN ${OVER}
             LIMIT ?2)
           SELECT id FROM below LIMIT -1 OFFSET 1`,
          id,
          limit + 1,
        )
        .map((row) => String(row["id"]));
    },
    async openEdges(limit) {
      return sql
        .all(
          `SELECT dependency.on_id AS "on", dependency.task_id AS task
           FROM task CROSS JOIN dependency ON dependency.task_id = task.id CROSS JOIN task AS other ON other.id = dependency.on_id
           WHERE task.status NOT IN ${OVER} AND other.status NOT IN ${OVER} LIMIT ?`,
          limit,
        )
        .map((row) => parseRow(EdgeRow, row));
    },
    async attempts(limit) {
      return sql
        .all(
          `SELECT (done.at - begun.at) / 1000.0 AS seconds, done.type AS type
           FROM event AS done CROSS JOIN event AS begun ON begun.subject = done.subject
           WHERE done.type IN ('task.completed', 'task.failed', 'task.expired') AND begun.type = 'task.claimed'
             AND json_extract(begun.data, '$.attempt') = json_extract(done.data, '$.attempt')
           ORDER BY done.seq DESC LIMIT ?`,
          limit,
        )
        .map((row) => {
          const { seconds, type } = parseRow(AttemptRow, row);
          return { seconds: Math.max(0, seconds), isDone: type === "task.completed" };
        });
    },
    async busyAgents() {
      return Number(sql.get("SELECT count(DISTINCT worker) AS n FROM task WHERE status = 'running'")?.["n"]);
    },
    async reservations() {
      return sql
        .all(
          "SELECT task.id AS task, worker AS agent, value AS path FROM task, json_each(task.body, '$.paths') WHERE status = 'running' ORDER BY task.seq",
        )
        .map((row) => parseRow(ReservationRow, row));
    },
  };
}
