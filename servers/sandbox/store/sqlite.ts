import { z } from "zod";
import type { Clock } from "../../../kernel/clock.ts";
import { openDatabase } from "../../../kernel/sqlite/open.ts";
import { parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
import { storeOver } from "../../../kernel/store.ts";
import type { Origin, SandboxRecord, SandboxStore, SandboxTx } from "./sandbox-store.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";

const Assurance = z.enum(["enforced", "none"]);

const Guarantees = z.object({
  filesystem: Assurance,
  network: Assurance,
  processes: Assurance,
  memory: Assurance,
  cpu: Assurance,
  disk: Assurance,
  kernel: z.enum(["shared", "none"]),
});

const Limits = z.object({ cpu: z.number(), memoryMb: z.number(), pids: z.number(), diskMb: z.number() });

const Hosts = z.array(z.string());

const Manifest = z.record(z.string(), z.tuple([z.string(), z.string()]));

const SandboxRow = z.object({
  id: z.string(),
  name: z.string().nullable(),
  backend: z.enum(["docker", "bubblewrap", "unisolated"]),
  isolation: z.enum(["container", "namespaces", "none"]),
  status: z.enum(["creating", "ready"]),
  handle: z.string(),
  principal: z.string(),
  limits: z.string(),
  hosts: z.string(),
  guarantees: z.string(),
  created_at: z.int(),
  expires_at: z.int(),
  tree_digest: z.string(),
  commands: z.int(),
});

/** Making a sandbox takes seconds, with its image a minute; after this long its maker is dead. */
const CREATE_MS = 5 * 60_000;

const COLUMNS =
  "id, name, backend, isolation, status, handle, principal, limits, guarantees, created_at, expires_at, tree_digest, commands, hosts";

/** Opens the sandbox store of a state folder, or a private one for ":memory:". */
export function openSandboxStore(path: string, clock: Clock): SandboxStore {
  const db = openDatabase({ path, applicationId: APPLICATION_ID, migrations: MIGRATIONS });
  return storeOver(db, clock, (sql, emit) => ({
    ...sandboxTx(sql),
    emit: (type, subject, data) => emit({ type, subject, data }),
  }));
}

function toRecord(row: Row): SandboxRecord {
  const { created_at, expires_at, tree_digest, limits, hosts, guarantees, ...rest } = parseRow(
    SandboxRow,
    row,
  );
  return {
    ...rest,
    limits: Limits.parse(JSON.parse(limits)),
    hosts: Hosts.parse(JSON.parse(hosts)),
    guarantees: Guarantees.parse(JSON.parse(guarantees)),
    createdAt: created_at,
    expiresAt: expires_at,
    treeDigest: tree_digest,
  };
}

const OriginRow = z.object({
  tree: z.string(),
  baseline: z.string(),
  tree_digest: z.string(),
  commands: z.int(),
});

function toOrigin(row: Row): Origin {
  const { tree, baseline, tree_digest: treeDigest, commands } = parseRow(OriginRow, row);
  return {
    tree: Manifest.parse(JSON.parse(tree)),
    baseline: Manifest.parse(JSON.parse(baseline)),
    treeDigest,
    commands,
  };
}

const SnapshotRow = z.object({ id: z.string(), principal: z.string(), expires_at: z.int() });

function sandboxTx(sql: Sql): Omit<SandboxTx, "emit"> {
  const one = (row: Row | undefined): SandboxRecord | undefined =>
    row === undefined ? undefined : toRecord(row);
  return {
    async add(record) {
      sql.run(
        `INSERT INTO sandbox (${COLUMNS}, tree, baseline) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{}', '{}')`,
        record.id,
        record.name,
        record.backend,
        record.isolation,
        record.status,
        record.handle,
        record.principal,
        JSON.stringify(record.limits),
        JSON.stringify(record.guarantees),
        record.createdAt,
        record.expiresAt,
        record.treeDigest,
        record.commands,
        JSON.stringify(record.hosts),
      );
    },
    find: async (id) => one(sql.get(`SELECT ${COLUMNS} FROM sandbox WHERE id = ?`, id)),
    findByName: async (name) => one(sql.get(`SELECT ${COLUMNS} FROM sandbox WHERE name = ?`, name)),
    async save(record) {
      sql.run(
        "UPDATE sandbox SET backend = ?, isolation = ?, status = ?, handle = ?, guarantees = ?, expires_at = ? WHERE id = ?",
        record.backend,
        record.isolation,
        record.status,
        record.handle,
        JSON.stringify(record.guarantees),
        record.expiresAt,
        record.id,
      );
    },
    remove: async (id) => sql.run("DELETE FROM sandbox WHERE id = ?", id) > 0,
    list: async (after, limit) =>
      sql
        .all(`SELECT ${COLUMNS} FROM sandbox WHERE id > ? ORDER BY id LIMIT ?`, after ?? "", limit)
        .map(toRecord),
    count: async () => Number(sql.get("SELECT count(*) AS n FROM sandbox")?.["n"]),
    expired: async (now) =>
      sql
        .all(
          `SELECT ${COLUMNS} FROM sandbox WHERE expires_at <= ?1 OR (status = 'creating' AND created_at <= ?1 - ?2) ORDER BY expires_at`,
          now,
          CREATE_MS,
        )
        .map(toRecord),
    async trees(id) {
      const row = sql.get("SELECT tree, baseline FROM sandbox WHERE id = ?", id);
      const parse = (column: string): z.output<typeof Manifest> =>
        Manifest.parse(JSON.parse(String(row?.[column] ?? "{}")));
      return { tree: parse("tree"), baseline: parse("baseline") };
    },
    async saveTrees(id, { tree, baseline, treeDigest }) {
      sql.run(
        "UPDATE sandbox SET tree = ?, baseline = ?, tree_digest = ? WHERE id = ?",
        JSON.stringify(tree),
        JSON.stringify(baseline),
        treeDigest,
        id,
      );
    },
    async countCommand(id) {
      const row = sql.get("SELECT commands, tree_digest FROM sandbox WHERE id = ?", id);
      sql.run("UPDATE sandbox SET commands = commands + 1 WHERE id = ?", id);
      return { before: Number(row?.["commands"] ?? 0), treeDigest: String(row?.["tree_digest"] ?? "") };
    },
    async origin(id) {
      const row = sql.get("SELECT tree, baseline, tree_digest, commands FROM sandbox WHERE id = ?", id);
      return row === undefined ? undefined : toOrigin(row);
    },
    async saveOrigin(id, { tree, baseline, treeDigest, commands }) {
      sql.run(
        "UPDATE sandbox SET tree = ?, baseline = ?, tree_digest = ?, commands = ? WHERE id = ?",
        JSON.stringify(tree),
        JSON.stringify(baseline),
        treeDigest,
        commands,
        id,
      );
    },
    async addSnapshot({ id, principal, expiresAt }, { tree, baseline, treeDigest, commands }) {
      sql.run(
        "INSERT INTO snapshot (id, principal, expires_at, tree, baseline, tree_digest, commands) VALUES (?, ?, ?, ?, ?, ?, ?)",
        id,
        principal,
        expiresAt,
        JSON.stringify(tree),
        JSON.stringify(baseline),
        treeDigest,
        commands,
      );
    },
    async findSnapshot(id) {
      const row = sql.get("SELECT * FROM snapshot WHERE id = ?", id);
      if (row === undefined) return undefined;
      const { principal, expires_at: expiresAt } = parseRow(SnapshotRow, row);
      return { id, principal, expiresAt, origin: toOrigin(row) };
    },
    countSnapshots: async () => Number(sql.get("SELECT count(*) AS n FROM snapshot")?.["n"]),
    async removeSnapshot(id) {
      sql.run("DELETE FROM snapshot WHERE id = ?", id);
    },
    expiredSnapshots: async (now) =>
      sql.all("SELECT id FROM snapshot WHERE expires_at <= ?", now).map((row) => String(row["id"])),
  };
}
