import { KERNEL_TABLES } from "../../../kernel/events.ts";
import type { Migration } from "../../../kernel/sqlite/open.ts";

export const APPLICATION_ID = 0x534c5001;

// The text comes last: SQLite then reads the columns that filters need without walking a long row.
const VERSION_COLUMNS = `
  id TEXT NOT NULL,
  space TEXT NOT NULL,
  kind TEXT NOT NULL,
  starts_at INTEGER NOT NULL,
  ends_at INTEGER,
  updated_at INTEGER NOT NULL,
  thread_id TEXT,
  tags TEXT NOT NULL,
  metadata TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  principal TEXT NOT NULL,
  task_id TEXT,
  supersedes TEXT,
  superseded_by TEXT,
  source TEXT,
  thread TEXT,
  entities TEXT NOT NULL,
  title TEXT,
  text TEXT NOT NULL`;

// Texts arrive here already cut into tokens (domain/tokens.ts); the tokenizer only splits at spaces.
const SEARCH = `fts5(title, text, names, content='', contentless_delete=1, tokenize="unicode61 remove_diacritics 2 tokenchars '_/.-'")`;

export const MIGRATIONS: readonly Migration[] = [
  `${KERNEL_TABLES}
CREATE TABLE memory (n INTEGER PRIMARY KEY, twin_key TEXT NOT NULL, ${VERSION_COLUMNS}) STRICT;
CREATE UNIQUE INDEX memory_by_id ON memory (id);
CREATE INDEX memory_by_twin ON memory (twin_key);
CREATE INDEX memory_by_thread ON memory (thread_id) WHERE thread_id IS NOT NULL;
CREATE TABLE memory_version (n INTEGER PRIMARY KEY, ${VERSION_COLUMNS}) STRICT;
CREATE UNIQUE INDEX memory_version_by_id ON memory_version (id, version);
CREATE INDEX memory_version_by_end ON memory_version (ends_at);
CREATE VIRTUAL TABLE memory_search USING ${SEARCH};
CREATE VIRTUAL TABLE memory_version_search USING ${SEARCH};

CREATE TABLE entity (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, type TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX entity_by_name ON entity (name, type);
CREATE TABLE observation (
  entity_n INTEGER NOT NULL REFERENCES entity (n) ON DELETE CASCADE,
  text TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (entity_n, text)
) STRICT, WITHOUT ROWID;
CREATE TABLE relation (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  from_n INTEGER NOT NULL REFERENCES entity (n) ON DELETE CASCADE,
  type TEXT NOT NULL,
  to_n INTEGER NOT NULL REFERENCES entity (n) ON DELETE CASCADE,
  properties TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX relation_by_ends ON relation (from_n, type, to_n);
CREATE INDEX relation_by_target ON relation (to_n);
CREATE TABLE mention (
  entity_n INTEGER NOT NULL REFERENCES entity (n) ON DELETE CASCADE,
  memory_n INTEGER NOT NULL REFERENCES memory (n) ON DELETE CASCADE,
  PRIMARY KEY (entity_n, memory_n)
) STRICT, WITHOUT ROWID;
CREATE INDEX mention_by_memory ON mention (memory_n);
-- Relations are only ever added, except when this number grows: then every copy of the graph is read afresh.
CREATE TABLE graph_epoch (epoch INTEGER NOT NULL) STRICT;
INSERT INTO graph_epoch (epoch) VALUES (0);
`,
  `
CREATE TABLE rating (
  memory_n INTEGER PRIMARY KEY REFERENCES memory (n) ON DELETE CASCADE,
  success REAL NOT NULL,
  failure REAL NOT NULL,
  count INTEGER NOT NULL
) STRICT;
`,
  `
-- A folder of sources that was indexed. Names of its files begin with the prefix; that of the first tree is empty.
CREATE TABLE code_tree (n INTEGER PRIMARY KEY, root TEXT NOT NULL UNIQUE, prefix TEXT NOT NULL UNIQUE) STRICT;
-- What each file says by itself, so that an unchanged one is not parsed again.
CREATE TABLE code_file (
  tree_n INTEGER NOT NULL REFERENCES code_tree (n) ON DELETE CASCADE,
  path TEXT NOT NULL,
  blob TEXT NOT NULL,
  reader INTEGER NOT NULL,
  memory_id TEXT NOT NULL,
  facts TEXT NOT NULL,
  PRIMARY KEY (tree_n, path)
) STRICT, WITHOUT ROWID;
-- Which entities and relations came from a tree: those go when their sources go.
CREATE TABLE code_entity (
  tree_n INTEGER NOT NULL REFERENCES code_tree (n) ON DELETE CASCADE,
  entity_n INTEGER NOT NULL REFERENCES entity (n) ON DELETE CASCADE,
  symbol TEXT,
  PRIMARY KEY (tree_n, entity_n)
) STRICT, WITHOUT ROWID;
CREATE INDEX code_entity_by_entity ON code_entity (entity_n);
CREATE INDEX code_entity_by_symbol ON code_entity (symbol) WHERE symbol IS NOT NULL;
CREATE TABLE code_relation (
  relation_n INTEGER PRIMARY KEY REFERENCES relation (n) ON DELETE CASCADE,
  tree_n INTEGER NOT NULL REFERENCES code_tree (n) ON DELETE CASCADE
) STRICT;
CREATE INDEX code_relation_by_tree ON code_relation (tree_n);
`,
  `
CREATE TABLE document (
  key TEXT PRIMARY KEY,
  memory_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  etag TEXT,
  chunks INTEGER NOT NULL,
  links TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`,
  // What changed last, by number: copies in memory follow it. A number whose memory is gone stays, so that they drop it.
  `
CREATE TABLE memory_change (n INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX memory_change_by_seq ON memory_change (seq);
INSERT INTO memory_change (n, seq) SELECT n, n FROM memory;
CREATE TRIGGER memory_added AFTER INSERT ON memory BEGIN
  INSERT OR REPLACE INTO memory_change (n, seq) VALUES (new.n, (SELECT coalesce(max(seq), 0) + 1 FROM memory_change));
END;
CREATE TRIGGER memory_changed AFTER UPDATE ON memory BEGIN
  INSERT OR REPLACE INTO memory_change (n, seq) VALUES (new.n, (SELECT coalesce(max(seq), 0) + 1 FROM memory_change));
END;
CREATE TRIGGER memory_removed AFTER DELETE ON memory BEGIN
  INSERT OR REPLACE INTO memory_change (n, seq) VALUES (old.n, (SELECT coalesce(max(seq), 0) + 1 FROM memory_change));
END;
`,
  // Numbers are 32-bit floats of length 1, little-endian. The digest is of the embedded text: equal texts are embedded once.
  `
CREATE TABLE memory_vector (
  memory_n INTEGER PRIMARY KEY REFERENCES memory (n) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  model TEXT NOT NULL,
  dimension INTEGER NOT NULL,
  version INTEGER NOT NULL,
  digest TEXT NOT NULL,
  numbers BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX memory_vector_by_seq ON memory_vector (seq);
CREATE INDEX memory_vector_by_digest ON memory_vector (model, digest);
`,
  // Places in the order of vectors are never used twice, and an index outside is named after the store it belongs to.
  `
CREATE TABLE vector_state (id TEXT NOT NULL, newest INTEGER NOT NULL) STRICT;
INSERT INTO vector_state (id, newest) SELECT lower(hex(randomblob(8))), coalesce(max(seq), 0) FROM memory_vector;
`,
];
