import { z } from "zod";
import type { Clock } from "../../../kernel/clock.ts";
import { openDatabase } from "../../../kernel/sqlite/open.ts";
import { isSqliteError, parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
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
  workerPrincipal: z.string().nullable().default(null),
  progress: z.number(),
  checkpoint: z.unknown(),
  notes: z.array(z.string()),
  output: z.unknown(),
  artifacts: z.array(z.string()),
  verified: z.boolean(),
  usage: Usage,
  hasReported: z.boolean().default(false),
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

/** Parameters: agent, milestone, milestones left aside, capabilities, whether tasks with paths are left aside, how many. */
const FITS = "value NOT IN (SELECT value FROM json_each(?4))";
const READY = `status = 'ready' AND (assignee IS NULL OR assignee = ?1)
  AND (milestone IS NULL OR milestone NOT IN (SELECT value FROM json_each(?3)))
  AND (needs IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(needs) WHERE ${FITS}))
  AND (?5 = 0 OR reserves = 0)`;
const OF_ALL = `SELECT * FROM task INDEXED BY task_ready WHERE ${READY}`;
const OF_ONE = `SELECT * FROM task INDEXED BY task_ready_of WHERE milestone = ?2 AND ${READY}`;
const IN_ORDER = "ORDER BY rank, seq LIMIT ?6";

/** What every claim asks. The indexes are named, because the planner would take the one over all statuses. */
export const HOT_QUERIES = {
  ready: `${OF_ALL} ${IN_ORDER}`,
  // A page after another seeks instead of counting off what went before.
  readyAfter: `${OF_ALL} AND (rank, seq) > (?7, ?8) ${IN_ORDER}`,
  readyOf: `${OF_ONE} ${IN_ORDER}`,
  readyOfAfter: `${OF_ONE} AND (rank, seq) > (?7, ?8) ${IN_ORDER}`,
  needing: `SELECT count(*) AS n FROM task INDEXED BY task_ready WHERE status = 'ready' AND needs IS NOT NULL
    AND (assignee IS NULL OR assignee = ?1) AND (?2 IS NULL OR milestone = ?2) AND (?3 IS NULL OR id = ?3)
    AND EXISTS (SELECT 1 FROM json_each(needs) WHERE ${FITS})`,
  leases:
    "SELECT id FROM task INDEXED BY task_lease WHERE status = 'running' AND lease_until <= ?1 ORDER BY lease_until LIMIT ?2",
  schedules:
    "SELECT id FROM task INDEXED BY task_wait WHERE status = 'scheduled' AND not_before <= ?1 ORDER BY not_before LIMIT ?2",
  ahead: "SELECT id FROM task INDEXED BY task_renewed WHERE status = 'running' AND renewed_at > ?1 LIMIT ?2",
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
  const related = (query: string, ...of: readonly string[]): { task: Task; on: "success" | "finish" }[] =>
    sql.all(query, ...of).map((row) => ({ task: toTask(row), on: OnKind.parse(row["on_kind"]) }));
  return {
    ...agentTx(sql),
    ...analysisTx(sql),
    ...messageTx(sql),
    ...milestoneTx(sql),
    ...orphanTx(sql),
    async add(task, dependsOn) {
      sql.run(
        `INSERT INTO task (id, seq, status, priority, rank, open_deps, token, lease_until, not_before, type, milestone, assignee, worker, title, description, body, needs, reserves)
         VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM task), ?, ?, ?, ?, NULL, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
        // What it needs and reserves never changes.
        task.capabilities.length === 0 ? null : JSON.stringify(task.capabilities),
        task.paths.length === 0 ? 0 : 1,
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
        `UPDATE task SET status = ?, priority = ?, rank = ?, open_deps = ?, token = ?, lease_until = ?, not_before = ?, assignee = ?, worker = ?, title = ?, description = ?, body = ?,
           renewed_at = ? WHERE id = ?`,
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
        task.claim === null ? null : task.updatedAt,
        task.id,
      );
    },
    async readyPage({ agent, taskId, milestone, capabilities, without, withoutPaths }, after, limit) {
      if (taskId !== undefined) {
        return after === undefined
          ? sql.all("SELECT * FROM task WHERE id = ? AND status = 'ready'", taskId).map(toTask)
          : [];
      }
      const filter = [
        agent,
        milestone ?? null,
        JSON.stringify(without),
        JSON.stringify(capabilities),
        withoutPaths ? 1 : 0,
        limit,
      ] as const;
      const { ready, readyAfter, readyOf, readyOfAfter } = HOT_QUERIES;
      if (after === undefined)
        return sql.all(milestone === undefined ? ready : readyOf, ...filter).map(toTask);
      // Asked for first: within the comparison it would keep SQLite from seeking to both columns.
      const seq = Number(sql.get("SELECT seq FROM task WHERE id = ?", after.id)?.["seq"]);
      return sql
        .all(milestone === undefined ? readyAfter : readyOfAfter, ...filter, rankOf(after), seq)
        .map(toTask);
    },
    async needing({ agent, taskId, milestone, capabilities }) {
      const wanted = [agent, milestone ?? null, taskId ?? null, JSON.stringify(capabilities)] as const;
      return Number(sql.get(HOT_QUERIES.needing, ...wanted)?.["n"]);
    },
    async reservedPaths() {
      return sql
        .all("SELECT value FROM task, json_each(task.body, '$.paths') WHERE status = 'running'")
        .map((row) => String(row["value"]));
    },
    async due(now, limit) {
      return [...sql.all(HOT_QUERIES.leases, now, limit), ...sql.all(HOT_QUERIES.schedules, now, limit)].map(
        (row) => String(row["id"]),
      );
    },
    async renewedAfter(at, limit) {
      return sql.all(HOT_QUERIES.ahead, at, limit).map((row) => String(row["id"]));
    },
    async putOff(id, until) {
      sql.run(
        `UPDATE task SET lease_until = CASE status WHEN 'running' THEN ?2 ELSE lease_until END,
           not_before = CASE status WHEN 'scheduled' THEN ?2 ELSE not_before END WHERE id = ?1`,
        id,
        until,
      );
    },
    async isolated(work) {
      sql.run("SAVEPOINT one");
      try {
        const result = await work();
        sql.run("RELEASE one");
        return result;
      } catch (error) {
        // Where SQLite itself gave up, the whole transaction is undone, and there may be no savepoint any more.
        if (!isSqliteError(error)) {
          sql.run("ROLLBACK TO one");
          sql.run("RELEASE one");
        }
        throw error;
      }
    },
    dependentsBut: async (id, kinds) =>
      related(
        `SELECT task.*, dependency.on_kind FROM dependency JOIN task ON task.id = dependency.task_id
         WHERE dependency.on_id = ?1
           AND NOT (task.status = 'blocked' AND open_deps > 1 AND on_kind IN (SELECT value FROM json_each(?2)))`,
        id,
        JSON.stringify(kinds),
      ),
    async countDown(id, kinds, now) {
      sql.run(
        `UPDATE task SET open_deps = open_deps - 1,
           body = json_set(body, '$.version', json_extract(body, '$.version') + 1, '$.updatedAt', ?3)
         WHERE status = 'blocked' AND open_deps > 1 AND id IN (SELECT task_id FROM dependency
           WHERE on_id = ?1 AND on_kind IN (SELECT value FROM json_each(?2)))`,
        id,
        JSON.stringify(kinds),
        now,
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
