import { KERNEL_TABLES } from "../../../kernel/events.ts";
import type { Migration } from "../../../kernel/sqlite/open.ts";

/** "SLP" and a number of our own: marks the file as a sandbox store. */
export const APPLICATION_ID = 0x53_4c_50_03;

export const MIGRATIONS: readonly Migration[] = [
  `${KERNEL_TABLES}
CREATE TABLE sandbox (
  id TEXT PRIMARY KEY,
  name TEXT UNIQUE,
  backend TEXT NOT NULL,
  isolation TEXT NOT NULL,
  status TEXT NOT NULL,
  handle TEXT NOT NULL,
  principal TEXT NOT NULL,
  limits TEXT NOT NULL,
  guarantees TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  tree_digest TEXT NOT NULL,
  tree TEXT NOT NULL,
  baseline TEXT NOT NULL,
  commands INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sandbox_expiry ON sandbox (expires_at);
`,
  `
CREATE TABLE snapshot (
  id TEXT PRIMARY KEY,
  principal TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  tree_digest TEXT NOT NULL,
  tree TEXT NOT NULL,
  baseline TEXT NOT NULL,
  commands INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshot_expiry ON snapshot (expires_at);
`,
  `
ALTER TABLE sandbox ADD COLUMN hosts TEXT NOT NULL DEFAULT '[]';
`,
];
