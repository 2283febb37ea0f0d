import { z } from "zod";
import type { Clock } from "../../../kernel/clock.ts";
import { openDatabase } from "../../../kernel/sqlite/open.ts";
import { parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
import { storeOver } from "../../../kernel/store.ts";
import { FAILURE_KINDS, TASK_STATUSES, type Task } from "../domain/task.ts";
import { rankOf } from "../domain/urgency.ts";
import { agentTx, LOAD_QUERY, SILENT_QUERY } from "./agents.ts";
import { analysisTx, EdgeRow } from "./analysis.ts";
import { listQuery } from "./list.ts";
import { messageTx } from "./messages.ts";
import { milestoneTx } from "./milestones.ts";
import { orphanTx } from "./orphans.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import type { TaskStore, TaskTx } from "./task-store.ts";

const Usage = z.object({ tokens: z.number(), usd: z.number() });

const Budget = z.object({
  tokens: z.number().optional(),
  usd: z.number().optional(),
  wall_s: z.number().optional(),
});

const Acceptance = z.union([
  z.object({ run: z.string() }),
  z.object({ output_schema: z.unknown() }),
  z.object({ artifacts: z.array(z.string()) }),
  z.object({ review: z.string() }),
  z.object({
    tests: z.string(),
    must_fail_before: z.boolean().optional(),
    protect: z.array(z.string()).optional(),
  }),
]);

/** The part of a task that no query looks at. */
const Body = z.object({
  ref: z.string().nullable(),
  capabilities: z.array(z.string()),
  paths: z.array(z.string()),
  complexity: z.number().nullable(),
  estimateS: z.number().nullable(),
  maxAttempts: z.int(),
  budget: Budget,
  acceptance: z.array(Acceptance),
  context: z.unknown(),
  tools: z.array(z.string()),
  parent: z.string().nullable(),
  attempt: z.int(),
  excused: z.int(),
  claim: z
    .object({
      agent: z.string(),
      token: z.string(),
      leaseS: z.number(),
      since: z.number(),
      expiresAt: z.number(),
      grant: Budget,
      cancelRequested: z.boolean(),
    })
    .nullable(),
  progress: z.number(),
  checkpoint: z.unknown(),
  notes: z.array(z.string()),
  output: z.unknown(),
  artifacts: z.array(z.string()),
  verified: z.boolean(),
  usage: Usage,
  spent: Usage.extend({ wall_s: z.number() }),
  avoid: z.object({ agent: z.string(), until: z.number() }).nullable(),
  followsUp: z.string().nullable(),
  failure: z.object({ message: z.string(), kind: z.enum(FAILURE_KINDS), log: z.string() }).nullable(),
  version: z.int(),
  createdAt: z.number(),
  updatedAt: z.number(),
});

const TaskRow = z.object({
  id: z.string(),
  status: z.enum(TASK_STATUSES),
  priority: z.int(),
  open_deps: z.int(),
  not_before: z.int().nullable(),
  type: z.string(),
  milestone: z.string().nullable(),
  assignee: z.string().nullable(),
  worker: z.string().nullable(),
  title: z.string(),
  description: z.string(),
  body: z.string(),
});

const OnKind = z.enum(["success", "finish"]);

function toTask(row: Row): Task {
  const { body, open_deps, not_before, ...columns } = parseRow(TaskRow, row);
  const rest = Body.parse(JSON.parse(body));
  return { ...columns, ...rest, openDeps: open_deps, notBefore: not_before };
}

function bodyOf(task: Task): string {
  // Parsing drops what has a column of its own, so that nothing is stored twice.
  return JSON.stringify(Body.parse(task));
}

// Dead work may be queued again; what succeeded or was cancelled waits for nothing any more.
const MAY_WAIT = "task.status NOT IN ('succeeded', 'cancelled')";

const READY = `SELECT * FROM task INDEXED BY task_ready WHERE status = 'ready'
  AND (assignee IS NULL OR assignee = ?1) AND (?2 IS NULL OR milestone = ?2)
  AND (milestone IS NULL OR milestone NOT IN (SELECT value FROM json_each(?3)))`;

/** What every claim asks. The indexes are named, because the planner would take the one over all statuses. */
export const HOT_QUERIES = {
  ready: `${READY} ORDER BY rank, seq LIMIT ?4`,
  // A page after another seeks instead of counting off what went before.
  readyAfter: `${READY} AND (rank, seq) > (?5, ?6) ORDER BY rank, seq LIMIT ?4`,
  leases:
    "SELECT * FROM task INDEXED BY task_lease WHERE status = 'running' AND lease_until <= ?1 ORDER BY lease_until LIMIT ?2",
  schedules:
    "SELECT * FROM task INDEXED BY task_wait WHERE status = 'scheduled' AND not_before <= ?1 ORDER BY not_before LIMIT ?2",
  load: LOAD_QUERY,
  silent: SILENT_QUERY,
} as const;

/** Opens the tasks store of a state folder, or a private one for ":memory:". */
export function openTaskStore(path: string, clock: Clock): TaskStore {
  const db = openDatabase({ path, applicationId: APPLICATION_ID, migrations: MIGRATIONS });
  return storeOver(db, clock, (sql, emit) => ({
    ...taskTx(sql),
    emit: (type, subject, data) => emit({ type, subject, data }),
  }));
}

function taskTx(sql: Sql): TaskTx {
  const related = (query: string, id: string): { task: Task; on: "success" | "finish" }[] =>
    sql.all(query, id).map((row) => ({ task: toTask(row), on: OnKind.parse(row["on_kind"]) }));
  return {
    ...agentTx(sql),
    ...analysisTx(sql),
    ...messageTx(sql),
    ...milestoneTx(sql),
    ...orphanTx(sql),
    async add(task, dependsOn) {
      sql.run(
        `INSERT INTO task (id, seq, status, priority, rank, open_deps, token, lease_until, not_before, type, milestone, assignee, worker, title, description, body)
         VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM task), ?, ?, ?, ?, NULL, NULL, ?, ?, ?, ?, ?, ?, ?, ?)`,
        task.id,
        task.status,
        task.priority,
        rankOf(task),
        task.openDeps,
        task.notBefore,
        task.type,
        task.milestone,
        task.assignee,
        task.worker,
        task.title,
        task.description,
        bodyOf(task),
      );
      for (const { task: on, on: kind } of dependsOn) {
        sql.run("INSERT INTO dependency (on_id, task_id, on_kind) VALUES (?, ?, ?)", on, task.id, kind);
      }
    },
    async find(id) {
      const row = sql.get("SELECT * FROM task WHERE id = ?", id);
      return row === undefined ? undefined : toTask(row);
    },
    async findByToken(token) {
      const row = sql.get("SELECT * FROM task WHERE token = ? AND status = 'running'", token);
      return row === undefined ? undefined : toTask(row);
    },
    async save(task) {
      sql.run(
        `UPDATE task SET status = ?, priority = ?, rank = ?, open_deps = ?, token = ?, lease_until = ?, not_before = ?, assignee = ?, worker = ?, title = ?, description = ?, body = ?
         WHERE id = ?`,
        task.status,
        task.priority,
        rankOf(task),
        task.openDeps,
        task.claim?.token ?? null,
        task.claim?.expiresAt ?? null,
        task.notBefore,
        task.assignee,
        task.worker,
        task.title,
        task.description,
        bodyOf(task),
        task.id,
      );
    },
    async readyPage({ agent, taskId, milestone, without }, after, limit) {
      if (taskId !== undefined) {
        return after === undefined
          ? sql.all("SELECT * FROM task WHERE id = ? AND status = 'ready'", taskId).map(toTask)
          : [];
      }
      const filter = [agent, milestone ?? null, JSON.stringify(without), limit] as const;
      if (after === undefined) return sql.all(HOT_QUERIES.ready, ...filter).map(toTask);
      // Asked for first: within the comparison it would keep SQLite from seeking to both columns.
      const seq = Number(sql.get("SELECT seq FROM task WHERE id = ?", after.id)?.["seq"]);
      return sql.all(HOT_QUERIES.readyAfter, ...filter, rankOf(after), seq).map(toTask);
    },
    async reservedPaths() {
      return sql
        .all("SELECT value FROM task, json_each(task.body, '$.paths') WHERE status = 'running'")
        .map((row) => String(row["value"]));
    },
    async due(now, limit) {
      return [...sql.all(HOT_QUERIES.leases, now, limit), ...sql.all(HOT_QUERIES.schedules, now, limit)].map(
        toTask,
      );
    },
    dependents: async (id) =>
      related(
        "SELECT task.*, dependency.on_kind FROM dependency JOIN task ON task.id = dependency.task_id WHERE dependency.on_id = ?",
        id,
      ),
    dependencies: async (id) =>
      related(
        "SELECT task.*, dependency.on_kind FROM dependency JOIN task ON task.id = dependency.on_id WHERE dependency.task_id = ?",
        id,
      ),
    async changeDependencies(id, remove, add) {
      for (const on of remove) sql.run("DELETE FROM dependency WHERE on_id = ? AND task_id = ?", on, id);
      for (const { task: on, on: kind } of add)
        sql.run("INSERT OR REPLACE INTO dependency (on_id, task_id, on_kind) VALUES (?, ?, ?)", on, id, kind);
    },
    async edgesAbove(ids) {
      return sql
        .all(
          `WITH RECURSIVE above (id) AS (
             SELECT value FROM json_each(?1)
             UNION SELECT dependency.on_id FROM above JOIN task ON task.id = above.id AND ${MAY_WAIT}
               JOIN dependency ON dependency.task_id = above.id)
           SELECT dependency.on_id AS "on", dependency.task_id AS task
           FROM above JOIN task ON task.id = above.id AND ${MAY_WAIT} JOIN dependency ON dependency.task_id = above.id`,
          JSON.stringify(ids),
        )
        .map((row) => parseRow(EdgeRow, row));
    },
    async list(query) {
      const { status, type, milestone, agent, text, after, limit } = query;
      return sql
        .all(
          listQuery(query),
          status === undefined ? null : JSON.stringify(status),
          type ?? null,
          milestone ?? null,
          agent ?? null,
          text ?? null,
          after ?? null,
          limit,
        )
        .map(toTask);
    },
    async lastEvent() {
      return Number(sql.get("SELECT coalesce(max(seq), 0) AS seq FROM event")?.["seq"]);
    },
    async counts() {
      const rows = sql.all("SELECT status, count(*) AS n FROM task GROUP BY status");
      return Object.fromEntries(rows.map((row) => [String(row["status"]), Number(row["n"])]));
    },
  };
}
