import { z } from "zod";
import type { Clock } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { KERNEL_TABLES } from "../../../kernel/events.ts";
import { parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
import { openDatabase, type Migration } from "../../../kernel/sqlite/open.ts";
import { storeOver, type Emit } from "../../../kernel/store.ts";
import { NEXT, type Operation } from "../domain/operation.ts";
import type { Lease } from "../domain/worktree.ts";
import type { GitStore, GitTx, Requester } from "./store.ts";
import { trustsIn } from "./trusts.ts";

/** "slwg": Slipway's git store. */
export const GIT_APPLICATION_ID = 0x73_6c_77_67;

export const GIT_MIGRATIONS: readonly Migration[] = [
  `${KERNEL_TABLES}
CREATE TABLE operation (
  id TEXT PRIMARY KEY,
  repo TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('planned', 'done', 'refused')),
  plan TEXT NOT NULL,
  principal TEXT NOT NULL,
  tool TEXT,
  key TEXT,
  digest TEXT,
  owner INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX operation_pending ON operation (principal, tool, key) WHERE key IS NOT NULL AND state = 'planned';
CREATE INDEX operation_by_repo ON operation (repo, at);
CREATE TABLE worktree (
  id TEXT PRIMARY KEY,
  repo TEXT NOT NULL,
  path TEXT NOT NULL,
  branch TEXT NOT NULL,
  base TEXT NOT NULL,
  task_id TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  removed_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX worktree_by_path ON worktree (path) WHERE removed_at IS NULL;
CREATE INDEX worktree_by_repo ON worktree (repo) WHERE removed_at IS NULL;
`,
  `ALTER TABLE operation ADD COLUMN task_id TEXT;
ALTER TABLE operation ADD COLUMN undone_by TEXT;
CREATE INDEX operation_by_task ON operation (task_id) WHERE task_id IS NOT NULL;
CREATE INDEX worktree_by_branch ON worktree (repo, branch);
`,
  `CREATE TABLE trust (
  repo TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  by TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`,
];

const Head = z.object({ ref: z.string(), commit: z.string() });
const Ref = z.object({ ref: z.string(), from: z.string().nullable(), to: z.string().nullable() });
const PlanJson = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("commit"), ref: Ref, worktree: z.string(), files: z.array(z.string()) }),
  z.object({ kind: z.literal("merge"), ref: Ref, source: z.string(), files: z.array(z.string()) }),
  z.object({
    kind: z.literal("add_worktree"),
    ref: Ref,
    worktreeId: z.string(),
    path: z.string(),
    branch: z.string(),
    base: z.string(),
  }),
  z.object({
    kind: z.literal("remove_worktree"),
    path: z.string(),
    worktreeId: z.string().nullable(),
    // Plans of the first version lack it.
    was: Head.nullable().default(null),
  }),
  z.object({
    kind: z.literal("branch"),
    action: z.enum(["create", "delete", "rename"]),
    refs: z.array(Ref),
  }),
  z.object({
    kind: z.literal("sync"),
    action: z.enum(["fetch", "push"]),
    remote: z.string(),
    refs: z.array(Ref),
  }),
  z.object({ kind: z.literal("forge"), action: z.string(), number: z.int().nullable() }),
  z.object({
    kind: z.literal("undo"),
    of: z.array(z.string()),
    moves: z.array(Ref.extend({ files: z.enum(["keep", "move"]) })),
  }),
  z.object({ kind: z.literal("switch"), worktree: z.string(), from: Head, to: Head }),
  z.object({ kind: z.literal("create_repository"), path: z.string(), draft: z.string() }),
]);
const OperationRow = z.object({
  id: z.string(),
  repo: z.string(),
  state: z.enum(["planned", "done", "refused"]),
  plan: z.string(),
  digest: z.string().nullable(),
  owner: z.int(),
  at: z.int(),
  task_id: z.string().nullable(),
  undone_by: z.string().nullable(),
});
const LeaseRow = z
  .object({
    id: z.string(),
    repo: z.string(),
    path: z.string(),
    branch: z.string(),
    base: z.string(),
    task_id: z.string().nullable(),
    created_at: z.int(),
    expires_at: z.int().nullable(),
  })
  .transform(({ task_id, created_at, expires_at, ...rest }): Lease => ({
    ...rest,
    taskId: task_id,
    createdAt: created_at,
    expiresAt: expires_at,
  }));

/** How long an unfinished operation counts as under way while its process lives; after that its number may be another's. */
const UNDER_WAY_MS = 10 * 60_000;

/** How long a caller may ask again under its key. */
const KEPT_FOR_MS = 24 * 3_600_000;

/** Opens the git server's store; `path` may be ":memory:". The caller closes it. `owner` is this process's number. */
export function openGitStore(path: string, clock: Clock, owner = process.pid): GitStore {
  const db = openDatabase({ path, applicationId: GIT_APPLICATION_ID, migrations: GIT_MIGRATIONS });
  return storeOver(db, clock, (sql, emit) => gitTx(sql, emit, clock, owner));
}

function gitTx(sql: Sql, emit: Emit, clock: Clock, owner: number): GitTx {
  return {
    pending({ principal, once }) {
      if (once === undefined) return undefined;
      const row = sql.get(
        "SELECT * FROM operation WHERE principal = ? AND tool = ? AND key = ? AND state = 'planned'",
        principal,
        once.tool,
        once.key,
      );
      if (row === undefined) return undefined;
      if (row["digest"] !== once.digest) {
        throw new DomainError("conflict", `idempotency_key "${once.key}" was used with other arguments`, {
          hint: "use a new key for a new request",
        });
      }
      const operation = toOperation(row);
      const isOther = row["owner"] !== owner && clock() - operation.at < UNDER_WAY_MS;
      if (isOther && isAlive(Number(row["owner"]))) throw underWay();
      return operation;
    },
    plan({ id, repo, plan, at, taskId = null }, requester) {
      savePlan(sql, { id, repo, plan: JSON.stringify(plan), at, owner, taskId }, requester);
    },
    operation(id) {
      const row = sql.get("SELECT * FROM operation WHERE id = ?", id);
      return row === undefined ? undefined : toOperation(row);
    },
    operationsOfTask: (repo, taskId) =>
      sql
        .all(
          `SELECT * FROM operation WHERE repo = ? AND task_id = ? AND state = 'done' AND undone_by IS NULL
           ORDER BY at DESC, id DESC`,
          repo,
          taskId,
        )
        .map(toOperation),
    orphans: (repo) =>
      sql
        .all("SELECT * FROM operation WHERE repo = ? AND state = 'planned' ORDER BY at", repo)
        .filter(
          (row) =>
            row["owner"] !== owner &&
            (!isAlive(Number(row["owner"])) || clock() - Number(row["at"]) >= UNDER_WAY_MS),
        )
        .map((row) => ({
          operation: toOperation(row),
          isAwaited: row["key"] !== null && clock() - Number(row["at"]) < KEPT_FOR_MS,
        })),
    markUndone(ids, by) {
      sql.run(
        "UPDATE operation SET undone_by = NULL WHERE undone_by IN (SELECT value FROM json_each(?))",
        JSON.stringify(ids),
      );
      sql.run(
        "UPDATE operation SET undone_by = ? WHERE id IN (SELECT value FROM json_each(?))",
        by,
        JSON.stringify(ids),
      );
    },
    taskOf(repo, place) {
      const row = sql.get(
        `SELECT task_id FROM worktree WHERE repo = ? AND task_id IS NOT NULL AND (path = ? OR branch = ?)
         ORDER BY created_at DESC, id DESC LIMIT 1`,
        repo,
        place.path ?? "",
        place.branch ?? "",
      );
      return row === undefined ? null : String(row["task_id"]);
    },
    reviveLease(id) {
      sql.run("UPDATE worktree SET removed_at = NULL WHERE id = ?", id);
      const lease = leaseOf(sql.get("SELECT * FROM worktree WHERE id = ?", id));
      if (lease !== undefined) tellAdded(emit, lease);
    },
    isPlanned: (id) =>
      sql.get("SELECT 1 FROM operation WHERE id = ? AND state = 'planned'", id) !== undefined,
    settle(id, state, events) {
      const allowed = Object.entries(NEXT).flatMap(([from, next]) => (next.includes(state) ? [from] : []));
      const changed = sql.run(
        "UPDATE operation SET state = ? WHERE id = ? AND state IN (SELECT value FROM json_each(?))",
        state,
        id,
        JSON.stringify(allowed),
      );
      if (changed === 0) {
        throw new DomainError("invalid_state", `operation ${id} has already ended`, {
          hint: "read its result under its key",
        });
      }
      emit(...events);
    },
    addLease(lease) {
      sql.run(
        "INSERT INTO worktree (id, repo, path, branch, base, task_id, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        lease.id,
        lease.repo,
        lease.path,
        lease.branch,
        lease.base,
        lease.taskId,
        lease.createdAt,
        lease.expiresAt,
      );
      tellAdded(emit, lease);
    },
    removeLease(path, at) {
      const lease = leaseOf(sql.get("SELECT * FROM worktree WHERE path = ? AND removed_at IS NULL", path));
      sql.run("UPDATE worktree SET removed_at = ? WHERE path = ? AND removed_at IS NULL", at, path);
      emit({
        type: "worktree.removed",
        subject: lease?.id ?? path,
        data: { path, branch: lease?.branch ?? null, task_id: lease?.taskId ?? null },
      });
    },
    leaseById: (id) => leaseOf(sql.get("SELECT * FROM worktree WHERE id = ? AND removed_at IS NULL", id)),
    leaseByPath: (path) =>
      leaseOf(sql.get("SELECT * FROM worktree WHERE path = ? AND removed_at IS NULL", path)),
    leasesOf: (repo) =>
      sql
        .all("SELECT * FROM worktree WHERE repo = ? AND removed_at IS NULL ORDER BY id", repo)
        .map((row) => parseRow(LeaseRow, row)),
    ...trustsIn(sql, emit),
    tell: emit,
  };
}

function tellAdded(emit: Emit, { id, repo, path, branch, base, taskId }: Lease): void {
  emit({ type: "worktree.added", subject: id, data: { repo, path, branch, base, task_id: taskId } });
}

interface PlanRow {
  readonly id: string;
  readonly repo: string;
  readonly plan: string;
  readonly at: number;
  readonly owner: number;
  readonly taskId: string | null;
}

function savePlan(sql: Sql, row: PlanRow, { principal, once }: Requester): void {
  const same =
    "SELECT 1 FROM operation WHERE principal = ? AND tool = ? AND key = ? AND state = 'planned' AND id <> ?";
  if (once !== undefined && sql.get(same, principal, once.tool, once.key, row.id) !== undefined)
    throw underWay();
  sql.run(
    `INSERT INTO operation (id, repo, state, plan, principal, tool, key, digest, owner, at, task_id)
     VALUES (?, ?, 'planned', ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET plan = excluded.plan, owner = excluded.owner, at = excluded.at,
       task_id = excluded.task_id WHERE state = 'planned'`,
    row.id,
    row.repo,
    row.plan,
    principal,
    once?.tool ?? null,
    once?.key ?? null,
    once?.digest ?? null,
    row.owner,
    row.at,
    row.taskId,
  );
}

function underWay(): DomainError {
  return new DomainError("unavailable", "the same request is under way in another process", {
    hint: "call again in a moment",
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function leaseOf(row: Row | undefined): Lease | undefined {
  return row === undefined ? undefined : parseRow(LeaseRow, row);
}

function toOperation(row: Row): Operation {
  const { id, repo, state, plan, at, task_id, undone_by } = parseRow(OperationRow, row);
  return {
    id,
    repo,
    state,
    plan: PlanJson.parse(JSON.parse(plan)),
    at,
    taskId: task_id,
    undoneBy: undone_by,
  };
}
