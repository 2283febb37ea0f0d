import { KERNEL_TABLES } from "../../../kernel/events.ts";
import type { Migration } from "../../../kernel/sqlite/open.ts";

/** "SLP" and a number of our own: marks the file as a tasks store. */
export const APPLICATION_ID = 0x53_4c_50_02;

/**
 * Blocked tasks are in no index that a claim reads: readiness is a counter kept by the completing transaction, and
 * the order of `task_ready` is the order in which work is given out. A claim therefore costs the same at any size.
 */
export const MIGRATIONS: readonly Migration[] = [
  `${KERNEL_TABLES}
CREATE TABLE task (
  id TEXT PRIMARY KEY,
  seq INTEGER NOT NULL UNIQUE,
  status TEXT NOT NULL,
  priority INTEGER NOT NULL,
  open_deps INTEGER NOT NULL,
  token TEXT UNIQUE,
  lease_until INTEGER,
  not_before INTEGER,
  type TEXT NOT NULL,
  milestone TEXT,
  assignee TEXT,
  worker TEXT,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX task_ready ON task (priority DESC, seq) WHERE status = 'ready';
CREATE INDEX task_lease ON task (lease_until) WHERE status = 'running';
CREATE INDEX task_wait ON task (not_before) WHERE status = 'scheduled';
CREATE INDEX task_status ON task (status, seq);
CREATE TABLE dependency (
  on_id TEXT NOT NULL REFERENCES task (id),
  task_id TEXT NOT NULL REFERENCES task (id),
  on_kind TEXT NOT NULL,
  PRIMARY KEY (on_id, task_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dependency_by_task ON dependency (task_id, on_id);
`,
  `CREATE TABLE agent (
  name TEXT PRIMARY KEY,
  role TEXT,
  capabilities TEXT NOT NULL,
  max_concurrent INTEGER,
  is_retired INTEGER NOT NULL,
  registered_at INTEGER NOT NULL,
  last_call_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX task_worker ON task (worker) WHERE status = 'running';
`,
  `CREATE TABLE message (
  seq INTEGER PRIMARY KEY,
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  text TEXT NOT NULL,
  task_id TEXT REFERENCES task (id),
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX message_by_recipient ON message (recipient, seq);
CREATE TABLE message_cursor (agent TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`,
  // An hour for each step of priority, as domain/urgency.ts had it when this was written.
  `ALTER TABLE task ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
UPDATE task SET rank = json_extract(body, '$.createdAt') - priority * 3600000;
DROP INDEX task_ready;
CREATE INDEX task_ready ON task (rank, seq) WHERE status = 'ready';
CREATE TABLE lost_claim (
  token TEXT PRIMARY KEY,
  task_id TEXT NOT NULL REFERENCES task (id),
  agent TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  result TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX orphan_by_task ON lost_claim (task_id, attempt) WHERE result IS NOT NULL;
`,
  `CREATE TABLE milestone (
  name TEXT PRIMARY KEY,
  parent TEXT REFERENCES milestone (name),
  due INTEGER,
  priority INTEGER,
  budget TEXT,
  goal TEXT,
  metric TEXT,
  target REAL,
  current REAL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX milestone_by_parent ON milestone (parent);
CREATE INDEX milestone_with_budget ON milestone (name) WHERE budget IS NOT NULL;
CREATE TABLE ledger (
  milestone TEXT PRIMARY KEY,
  tokens REAL NOT NULL,
  usd REAL NOT NULL,
  wall_s REAL NOT NULL,
  attempts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX task_milestone ON task (milestone, status) WHERE milestone IS NOT NULL;
ALTER TABLE agent ADD COLUMN lost_at INTEGER;
CREATE INDEX agent_silent ON agent (last_call_at) WHERE lost_at IS NULL AND is_retired = 0;
UPDATE task SET body = json_set(body, '$.spent', json('{"tokens":0,"usd":0,"wall_s":0}'), '$.avoid', NULL, '$.followsUp', NULL);
UPDATE task SET body = json_set(body, '$.claim.since', json_extract(body, '$.updatedAt'), '$.claim.grant', json('{}'))
  WHERE status = 'running';
INSERT INTO ledger (milestone, tokens, usd, wall_s, attempts)
  SELECT milestone, 0, 0, 0, sum(json_extract(body, '$.attempt')) FROM task WHERE milestone IS NOT NULL GROUP BY milestone;
`,
  // Lists read one of these in order, see store/list.ts.
  `DROP INDEX task_milestone;
CREATE INDEX task_milestone ON task (milestone, status, seq) WHERE milestone IS NOT NULL;
CREATE INDEX task_by_type ON task (type, status, seq);
CREATE INDEX task_by_worker ON task (worker, seq) WHERE worker IS NOT NULL;
CREATE INDEX task_by_assignee ON task (assignee, seq) WHERE assignee IS NOT NULL;
`,
  // What a claim looks at is in its index, so that a task for others costs it one entry and no row.
  `ALTER TABLE task ADD COLUMN needs TEXT;
ALTER TABLE task ADD COLUMN reserves INTEGER NOT NULL DEFAULT 0;
UPDATE task SET needs = json_extract(body, '$.capabilities') WHERE json_array_length(body, '$.capabilities') > 0;
UPDATE task SET reserves = 1 WHERE json_array_length(body, '$.paths') > 0;
DROP INDEX task_ready;
CREATE INDEX task_ready ON task (rank, seq, assignee, needs, milestone, reserves) WHERE status = 'ready';
CREATE INDEX task_ready_of ON task (milestone, rank, seq, assignee, needs, reserves) WHERE status = 'ready';
`,
  // Where a clock was set back, leases of before are found by it.
  `ALTER TABLE task ADD COLUMN renewed_at INTEGER;
UPDATE task SET renewed_at = json_extract(body, '$.updatedAt') WHERE status = 'running';
CREATE INDEX task_renewed ON task (renewed_at) WHERE status = 'running';
`,
];
