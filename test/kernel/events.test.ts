import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson, digestOf } from "../../kernel/canonical-json.ts";
import { EVENT_TYPES, type EventType } from "../../kernel/event-types.ts";
import { appendEvents, KERNEL_TABLES, readEvents, verifyEvents } from "../../kernel/events.ts";
import { wrapConnection, type Database } from "../../kernel/sqlite/database.ts";

function emptyStore(): { readonly connection: DatabaseSync; readonly db: Database } {
  const connection = new DatabaseSync(":memory:");
  connection.exec(KERNEL_TABLES);
  return { connection, db: wrapConnection(connection, ":memory:") };
}

async function filled(count: number): Promise<ReturnType<typeof emptyStore>> {
  const store = emptyStore();
  for (let i = 0; i < count; i += 1) {
    await store.db.write((sql) =>
      appendEvents(sql, [{ type: "task.added", subject: `tsk_${i % 3}`, data: { i } }], "local", 1_000 + i),
    );
  }
  return store;
}

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom("\ud800", "a\udc00b", "a\u0000b", "𝒳", "é"),
);
const data = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 });

test("whatever an event holds, it is read back and its chain verifies", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ type: fc.constantFrom(...EVENT_TYPES), subject: text, data }), { maxLength: 8 }),
      text,
      async (events, principal) => {
        const { connection, db } = emptyStore();
        await db.write((sql) => appendEvents(sql, events, principal, 5));
        expect(verifyEvents(connection)).toBeNull();
        const read = await db.read((sql) => readEvents(sql, { after: 0, limit: 100 }));
        expect(
          read.map((event) => [
            event.seq,
            event.type,
            event.at,
            event.principal,
            event.subject,
            canonicalJson(event.data),
          ]),
        ).toEqual(
          events.map((event, i) => [
            i + 1,
            event.type,
            "1970-01-01T00:00:00.005Z",
            principal.toWellFormed(),
            event.subject.toWellFormed(),
            canonicalJson(event.data),
          ]),
        );
        db.close();
      },
    ),
    { numRuns: 80, seed: 1 },
  );
});

const COLUMNS = ["type", "at", "principal", "subject", "data", "prev_hash", "hash"] as const;
const PLANTED: Readonly<Record<(typeof COLUMNS)[number], readonly (string | bigint)[]>> = {
  type: ["task.failed", "no.such.type", ""],
  at: [0n, 2n ** 62n, -1n],
  principal: ["mallory", ""],
  subject: ["tsk_9", ""],
  data: ["{}", '{"i": 1}', "not JSON"],
  prev_hash: ["0".repeat(64), ""],
  hash: ["0".repeat(64), ""],
};

test("a change of any field of any row is found, and the first bad row is named", async () => {
  const { connection } = await filled(12);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom(...COLUMNS),
      fc.nat(2),
      (seq, column, choice) => {
        const values = PLANTED[column];
        const value = values[choice % values.length] ?? "";
        const before = connection.prepare("SELECT * FROM event WHERE seq = ?").get(seq)?.[column];
        fc.pre(before !== value);
        connection.prepare(`UPDATE event SET ${column} = ? WHERE seq = ?`).run(value, seq);
        const found = verifyEvents(connection);
        connection.prepare(`UPDATE event SET ${column} = ? WHERE seq = ?`).run(before ?? null, seq);
        expect(found).toEqual({ seq, reason: "the row was changed" });
        expect(verifyEvents(connection)).toBeNull();
      },
    ),
    { numRuns: 120, seed: 1 },
  );
});

test("a dropped, swapped or inserted row is found at its place; a cut tail is what a chain alone cannot show", async () => {
  const total = 8;
  for (let seq = 1; seq < total; seq += 1) {
    const { connection } = await filled(total);
    connection.prepare("DELETE FROM event WHERE seq = ?").run(seq);
    expect(verifyEvents(connection)).toEqual({ seq, reason: "the row is missing" });
    connection.prepare("UPDATE event SET seq = seq - 1 WHERE seq > ?").run(seq);
    expect(verifyEvents(connection)).toEqual({ seq, reason: "the row was changed" });
    const { connection: swapped } = await filled(total);
    swapped.exec(
      `UPDATE event SET seq = -1 WHERE seq = ${seq}; UPDATE event SET seq = ${seq} WHERE seq = ${seq + 1}; UPDATE event SET seq = ${seq + 1} WHERE seq = -1;`,
    );
    expect(verifyEvents(swapped)).toEqual({ seq, reason: "the row was changed" });
  }
  const { connection } = await filled(total);
  connection.exec(
    `INSERT INTO event SELECT 0, type, at, principal, subject, data, prev_hash, hash FROM event WHERE seq = 1`,
  );
  expect(verifyEvents(connection)).toEqual({ seq: 0, reason: "the row was changed" });
  const { connection: cut } = await filled(total);
  cut.exec(`DELETE FROM event WHERE seq = ${total}`);
  expect(verifyEvents(cut)).toBeNull();
});

test("events are read from a cursor, by types and by subject, in order and no more than asked for", async () => {
  const { db } = emptyStore();
  const types: readonly EventType[] = ["task.added", "task.claimed", "task.completed"];
  const all = Array.from({ length: 60 }, (_, i) => ({
    type: types[(i * 7) % 3] ?? "task.added",
    subject: `tsk_${(i * 5) % 4}`,
    data: { i },
  }));
  await db.write((sql) => appendEvents(sql, all, "local", 1));
  await fc.assert(
    fc.asyncProperty(
      fc.nat(70),
      fc.integer({ min: 1, max: 20 }),
      fc.option(fc.subarray([...types]), { nil: undefined }),
      fc.option(fc.constantFrom("tsk_0", "tsk_3", "tsk_9"), { nil: undefined }),
      async (after, limit, wanted, subject) => {
        const read = await db.read((sql) => readEvents(sql, { after, limit, types: wanted, subject }));
        const expected = all
          .map((event, i) => ({ ...event, seq: i + 1 }))
          .filter(
            (event) =>
              event.seq > after &&
              (wanted === undefined || wanted.length === 0 || wanted.includes(event.type)) &&
              (subject === undefined || event.subject === subject),
          )
          .slice(0, limit);
        expect(read.map(({ seq, type, subject: about }) => ({ seq, type, about }))).toEqual(
          expected.map(({ seq, type, subject: about }) => ({ seq, type, about })),
        );
      },
    ),
    { numRuns: 100, seed: 1 },
  );
  db.close();
});

test("equal values have one canonical text, whatever the order of their keys, and different ones differ", () => {
  const shuffled = (value: unknown): unknown => {
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(shuffled);
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([key, member]) => [key, shuffled(member)]),
    );
  };
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      expect(canonicalJson(shuffled(a))).toBe(canonicalJson(a));
      expect(canonicalJson(JSON.parse(canonicalJson(a)))).toBe(canonicalJson(a));
      expect(JSON.parse(canonicalJson(a))).toEqual(JSON.parse(JSON.stringify(a)));
      expect(digestOf(a) === digestOf(b)).toBe(canonicalJson(a) === canonicalJson(b));
    }),
    { numRuns: 200, seed: 1 },
  );
  expect(canonicalJson({ b: 1, a: [{ d: undefined, c: "\ud800" }] })).toBe('{"a":[{"c":"\\ud800"}],"b":1}');
});
