import { KERNEL_TABLES } from "../../../kernel/events.ts";

/** "SLP" and the server's number. */
export const APPLICATION_ID = 0x534c5005;

export const MIGRATIONS: readonly string[] = [
  `${KERNEL_TABLES}
CREATE TABLE assessment (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE policy (
  version TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE decision (
  id TEXT PRIMARY KEY,
  action TEXT NOT NULL,
  at INTEGER NOT NULL,
  assessment_id TEXT NOT NULL REFERENCES assessment (id),
  policy_version TEXT NOT NULL REFERENCES policy (version),
  -- The five factors' values as JSON, so that looking for precedents reads no bodies.
  factors TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX decision_by_age ON decision (action, at);
CREATE TABLE approval (
  id TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  decision_id TEXT NOT NULL REFERENCES decision (id),
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'denied', 'expired')),
  requested_by TEXT NOT NULL,
  requested_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  answered_by TEXT,
  channel TEXT,
  answered_at INTEGER,
  used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX approval_by_digest ON approval (digest);
CREATE INDEX approval_open ON approval (expires_at) WHERE used_at IS NULL AND status <> 'expired';
CREATE TABLE outcome (
  decision_id TEXT NOT NULL REFERENCES decision (id),
  version INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  source TEXT NOT NULL,
  attested TEXT NOT NULL,
  principal TEXT NOT NULL,
  at INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL,
  matures_at INTEGER,
  PRIMARY KEY (decision_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX outcome_by_maturity ON outcome (matures_at);
`,
  `
-- One row: the policy of the newest decision, so that a change of it is told.
CREATE TABLE policy_in_force (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  version TEXT NOT NULL REFERENCES policy (version),
  at INTEGER NOT NULL
) STRICT;
`,
  `
CREATE TABLE escalation (
  id TEXT PRIMARY KEY,
  key TEXT NOT NULL,
  subject TEXT NOT NULL,
  reason TEXT NOT NULL,
  rule TEXT,
  decision_id TEXT REFERENCES decision (id),
  tier TEXT NOT NULL CHECK (tier IN ('immediate', 'high', 'standard')),
  state TEXT NOT NULL CHECK (state IN ('open', 'acknowledged')),
  raised_by TEXT NOT NULL,
  raised_at INTEGER NOT NULL,
  deadline INTEGER NOT NULL,
  times INTEGER NOT NULL,
  missed INTEGER NOT NULL,
  acknowledged_by TEXT,
  channel TEXT,
  acknowledged_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX escalation_by_key ON escalation (key, id);
CREATE INDEX escalation_open ON escalation (deadline) WHERE state = 'open';
CREATE TABLE vote (
  decision_id TEXT NOT NULL REFERENCES decision (id),
  -- Who it is to the server: a token's principal, or "self:" and a name.
  identity TEXT NOT NULL,
  voter TEXT NOT NULL,
  role TEXT NOT NULL,
  score REAL NOT NULL,
  veto INTEGER NOT NULL,
  abstain INTEGER NOT NULL,
  rationale TEXT NOT NULL,
  attested TEXT NOT NULL CHECK (attested IN ('self', 'token')),
  at INTEGER NOT NULL,
  PRIMARY KEY (decision_id, identity)
) STRICT, WITHOUT ROWID;
CREATE INDEX vote_by_voter ON vote (identity, at);
`,
  `
-- What became of changes, as models and calibration learn from it: one row per decided change, or commit of the past.
CREATE TABLE lesson (
  id TEXT PRIMARY KEY,
  principal TEXT NOT NULL,
  action TEXT,
  attested TEXT NOT NULL CHECK (attested IN ('self', 'token', 'mined')),
  stated REAL,
  risk REAL,
  verdict TEXT,
  metrics TEXT,
  at INTEGER NOT NULL,
  due INTEGER NOT NULL,
  label INTEGER NOT NULL CHECK (label IN (0, 1)),
  changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lesson_by_due ON lesson (due);
-- One row: the model in force, and the number of lessons it is held to when it is frozen.
CREATE TABLE model_in_force (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE TABLE model_hold (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  labels INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT;
`,
  `
-- Which model forecast the risk of the decision that a lesson is about.
ALTER TABLE lesson ADD COLUMN model TEXT;
CREATE INDEX lesson_measured ON lesson (due) WHERE metrics IS NOT NULL;
-- One row that counts the changes of lessons: whoever learned from them sees whether they are still the same.
CREATE TABLE lesson_turn (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  turn INTEGER NOT NULL
) STRICT;
INSERT INTO lesson_turn (one, turn) VALUES (1, 0);
CREATE INDEX lesson_alone ON lesson (at) WHERE verdict IN ('auto_proceed', 'proceed_with_monitoring');
-- How defects lie along the forecasts of the model in force, as JSON: what a risk budget is held against.
ALTER TABLE model_in_force ADD COLUMN curve TEXT;
-- A version of the model is the lessons it is grown from, deflated: the same lessons give the same model.
CREATE TABLE model_version (
  version TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  trained_on TEXT NOT NULL,
  checksum TEXT NOT NULL,
  at INTEGER NOT NULL,
  lessons BLOB NOT NULL
) STRICT;
-- The version that the model is held to when it is frozen or rolled back. No command could hold it before.
DROP TABLE model_hold;
CREATE TABLE model_hold (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  version TEXT NOT NULL,
  by TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
`,
  `
CREATE INDEX decision_by_subject ON decision (json_extract(body, '$.subject'));
-- One row: how far the log reaches, moved by each event in its own transaction. Where the log's last events are gone, it
-- tells.
CREATE TABLE event_head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT;
INSERT INTO event_head (one, seq, hash) SELECT 1, seq, hash FROM event ORDER BY seq DESC LIMIT 1;
CREATE TRIGGER event_moves_head AFTER INSERT ON event BEGIN
  INSERT OR REPLACE INTO event_head (one, seq, hash) VALUES (1, new.seq, new.hash);
END;
`,
];
