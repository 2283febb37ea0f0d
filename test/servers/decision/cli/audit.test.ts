import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { Command } from "../../../../kernel/io.ts";
import { isSignedBy } from "../../../../servers/decision/adapters/audit-key.ts";
import { auditExport, auditHead, auditVerify } from "../../../../servers/decision/cli/audit.ts";
import { preAuthEncoding } from "../../../../servers/decision/domain/audit.ts";
import { answered } from "../../../../servers/decision/domain/approval.ts";
import { auditStore } from "../../../../servers/decision/store/audit.ts";
import { openForTest, type OpenDecision } from "../open.ts";

let server: OpenDecision;
let folder: string;
/** A closed copy of a store in which everything happened once. */
let sound: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway-audit-"));
  server = await openForTest();
  const facts = { coverage: 0.9, breaking_api_changes: 1 };
  const decision = await server.must("decide", { action: "merge", facts, subject: "é 🚢" });
  const decision_id = decision["decision_id"];
  const vote = { decision_id, role: "tester", score: 1 };
  await server.must("cast_vote", { ...vote, voter: "ann" });
  await server.call("cast_vote", { ...vote, voter: "ann" });
  await server.store.write({ principal: { id: "user:eve" }, once: undefined }, async (tx) => {
    const approval = await tx.findApproval(String(decision["approval_id"]));
    if (approval === undefined) throw new Error("no approval");
    await tx.saveApproval(answered(approval, "approved", "user:eve", "terminal", server.now()));
  });
  await server.must("record_outcome", { decision_id, outcome: "failure", source: "ci" });
  sound = join(folder, "sound.db");
  new DatabaseSync(join(server.home, "decision.db")).exec(`VACUUM INTO '${sound}'`);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function run(
  command: Command,
  ...argv: string[]
): Promise<{ code: number; out: string[]; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await command([...argv, "--home", server.home], {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    env: {},
    cwd: folder,
    terminal: undefined,
    signal: new AbortController().signal,
  });
  return { code, out, err: err.join("\n") };
}

/** Changes a copy of the sound store and says what the audit finds. */
function tamper(
  change: (db: DatabaseSync) => void,
  heads: Parameters<typeof auditStore>[1] = [],
): readonly string[] {
  const copy = join(folder, "copy.db");
  copyFileSync(sound, copy);
  const db = new DatabaseSync(copy);
  change(db);
  db.close();
  return auditStore(copy, heads).problems;
}

test("what nobody touched is unbroken, and tells of what was allowed and what was refused", async () => {
  expect(tamper(() => {})).toEqual([]);
  const { code, err } = await run(auditVerify);
  expect(code).toBe(0);
  expect(err).toMatch(/^\d+ events, unbroken; 0 signed heads fit$/);
  const types = new Set((await server.store.events({ after: 0, limit: 99 })).map((event) => event.type));
  expect([...types]).toEqual(
    expect.arrayContaining([
      ...["policy.changed", "decision.made", "vote.cast", "access.denied"],
      ...["approval.requested", "approval.answered", "outcome.recorded", "escalation.raised"],
    ]),
  );
});

const Row = z.object({ seq: z.number() }).loose();
const COLUMNS = ["type", "principal", "subject", "data", "prev_hash", "hash"] as const;

test("any byte of any event that is another is found", () => {
  const db = new DatabaseSync(sound, { readOnly: true });
  const rows = db
    .prepare("SELECT * FROM event ORDER BY seq")
    .all()
    .map((row) => Row.parse(row));
  db.close();
  fc.assert(
    fc.property(
      fc.nat(),
      fc.constantFrom(...COLUMNS),
      fc.nat(),
      fc.integer({ min: 1, max: 127 }),
      (pick, column, at, bits) => {
        const row = rows[pick % rows.length];
        const bytes = Buffer.from(String(row?.[column]));
        if (row === undefined || bytes.length === 0) return;
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ bits;
        const found = tamper((copy) => {
          copy.prepare(`UPDATE event SET ${column} = CAST(? AS TEXT) WHERE seq = ?`).run(bytes, row.seq);
        });
        expect(found[0]).toMatch(new RegExp(`^event ${row.seq}: `));
      },
    ),
    { seed: 11, numRuns: 60 },
  );
  for (const { seq } of rows)
    expect(tamper((copy) => copy.exec(`UPDATE event SET at = at + 1 WHERE seq = ${seq}`))[0]).toMatch(
      `event ${seq}: `,
    );
});

test("an event that was taken out, moved or put in is found; a cut end by the head that tells of it", () => {
  const last = auditStore(sound, []).head;
  if (last === null) throw new Error("the log is empty");
  const heads = [{ store: "decision", seq: last.seq, hash: last.hash, at: "" }];
  for (let seq = 1; seq < last.seq; seq += 1)
    expect(tamper((db) => db.exec(`DELETE FROM event WHERE seq = ${seq}`))[0]).toBe(
      `event ${seq}: the row is missing`,
    );
  for (let seq = 1; seq < last.seq; seq += 1)
    expect(
      tamper((db) => {
        db.exec(`UPDATE event SET seq = -1 WHERE seq = ${seq}; UPDATE event SET seq = ${seq} WHERE seq = ${seq + 1};
          UPDATE event SET seq = ${seq + 1} WHERE seq = -1`);
      })[0],
    ).toMatch(`event ${seq}: `);
  expect(
    tamper((db) =>
      db.exec(
        "INSERT INTO event SELECT seq + 1, type, at, principal, subject, data, hash, hash FROM event ORDER BY seq DESC LIMIT 1",
      ),
    ),
  ).not.toEqual([]);
  const cut = (db: DatabaseSync): void => db.exec(`DELETE FROM event WHERE seq = ${last.seq}`);
  // The row that every event moves tells of a cut end without any head.
  expect(tamper(cut)).toEqual([
    `event ${last.seq}: the log ends before what the store counted (${last.seq})`,
  ]);
  expect(tamper(cut, heads)).toContain(`event ${last.seq}: a head tells of it, and the log ends before`);
  expect(tamper(() => {}, heads)).toEqual([]);
});

test.each<[what: string, sql: string]>([
  ["an answer that nobody gave", "UPDATE approval SET answered_by = 'user:mallory'"],
  ["an approval turned round", "UPDATE approval SET status = 'denied'"],
  ["a verdict", "UPDATE decision SET body = json_set(body, '$.verdict', 'auto_proceed')"],
  ["a score", "UPDATE vote SET score = 0.1"],
  [
    "a stuffed vote",
    "INSERT INTO vote SELECT decision_id, 'self:x', 'x', role, 1, 0, 0, '', attested, at FROM vote",
  ],
  ["a vote gone", "DELETE FROM vote"],
  ["an approval of another thing", "UPDATE approval SET digest = 'x'"],
  ["an approval somebody else asked for", "UPDATE approval SET requested_by = 'token:mallory'"],
  ["an approval not yet spent", "UPDATE approval SET used_at = CASE WHEN used_at IS NULL THEN 1 END"],
  ["a risk", "UPDATE assessment SET body = json_set(body, '$.result.risk', 0.01)"],
  ["an escalation nobody saw", "UPDATE escalation SET state = 'acknowledged', acknowledged_by = 'user:m'"],
  ["an escalation gone", "DELETE FROM escalation"],
  ["an outcome", "UPDATE outcome SET outcome = 'success'"],
  ["an outcome gone", "DELETE FROM outcome"],
])("state that the log does not tell of is found: %s", (_what, sql) => {
  expect(tamper((db) => db.exec(sql)).length).toBeGreaterThan(0);
});

test("a head is signed, kept, and holds the log to what it was; a forged one is named", async () => {
  const printed = await run(auditHead);
  expect(printed.code).toBe(0);
  expect(statSync(join(server.home, "audit.key")).mode & 0o777).toBe(0o600);
  expect((await run(auditVerify)).err).toContain("1 signed heads fit");
  const head = z
    .object({ seq: z.number() })
    .loose()
    .parse(JSON.parse(printed.out[0] ?? ""));
  const outside = join(folder, "head.json");
  writeFileSync(outside, JSON.stringify({ ...head, seq: head.seq - 1 }));
  const forged = await run(auditVerify, "--head", outside);
  expect(forged).toMatchObject({
    code: 1,
    out: [`head of event ${head.seq - 1}: its signature does not fit`],
  });
  writeFileSync(outside, "{}");
  expect(await run(auditVerify, "--head", outside)).toMatchObject({
    code: 2,
    err: expect.stringContaining("no signed head"),
  });
});

const Envelope = z.object({
  payloadType: z.string(),
  payload: z.string(),
  signatures: z.array(z.object({ keyid: z.string(), sig: z.string() })),
});

test("the export is one signed in-toto statement for each event", async () => {
  const { out, code } = await run(auditExport);
  const events = await server.store.events({ after: 0, limit: 99 });
  expect(code).toBe(0);
  expect(out.length).toBe(events.length);
  const head = z.object({ public_key: z.string() }).parse(JSON.parse((await run(auditHead)).out[0] ?? ""));
  for (const [index, line] of out.entries()) {
    const { payload, payloadType, signatures } = Envelope.parse(JSON.parse(line));
    const text = Buffer.from(payload, "base64").toString("utf8");
    expect(isSignedBy(head.public_key, preAuthEncoding(payloadType, text), signatures[0]?.sig ?? "")).toBe(
      true,
    );
    expect(
      isSignedBy(head.public_key, preAuthEncoding(payloadType, `${text} `), signatures[0]?.sig ?? ""),
    ).toBe(false);
    const event = events[index];
    expect(JSON.parse(text)).toMatchObject({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: event?.subject, digest: { sha256: event?.hash } }],
      predicate: { seq: event?.seq, type: event?.type, data: event?.data },
    });
  }
  expect((await run(auditExport, "--after", String(events.length - 1))).out).toHaveLength(1);
});

test("where there is nothing to audit, it says so", async () => {
  const elsewhere = join(folder, "none");
  const missing = await auditVerify(["--home", elsewhere], {
    out: () => {},
    err: () => {},
    env: {},
    cwd: folder,
    terminal: undefined,
    signal: new AbortController().signal,
  });
  expect(missing).toBe(1);
  writeFileSync(join(folder, "short.db"), "x");
  expect(auditStore(join(folder, "short.db"), []).problems).toEqual(["the file is cut short"]);
  writeFileSync(join(folder, "torn.db"), readFileSync(sound).fill(7, 0, 4_096));
  expect(auditStore(join(folder, "torn.db"), []).problems[0]).toMatch(/^cannot be read/);
});
