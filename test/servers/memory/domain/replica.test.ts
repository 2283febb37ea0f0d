import fc from "fast-check";
import { expect, test } from "vitest";
import { JOINS, joinReplicas, sameReplica, type Replica } from "../../../../servers/memory/domain/replica.ts";

const word = fc.constantFrom("a", "b", "c", "__proto__");
const replica: fc.Arbitrary<Replica> = fc.record({
  kind: fc.constantFrom("fact", "bug"),
  title: fc.option(word, { nil: undefined }),
  text: word,
  source: fc.option(fc.record({ path: word }), { nil: undefined }),
  thread: fc.option(fc.record({ id: word, seq: fc.integer({ min: 0, max: 2 }) }), { nil: undefined }),
  tags: fc.array(word, { maxLength: 3 }),
  metadata: fc
    .array(fc.tuple(word, fc.integer({ min: 0, max: 3 })))
    .map((pairs) => Object.fromEntries(pairs)),
  entities: fc.array(fc.record({ name: word, type: word }), { maxLength: 3 }),
  taskId: fc.constant(undefined),
  startsAt: fc.integer({ min: 0, max: 2 }),
  endsAt: fc.option(fc.integer({ min: 3, max: 5 }), { nil: undefined }),
  // Few times, so that there are equal ones.
  updatedAt: fc.integer({ min: 0, max: 2 }),
});

test("three replicas come to the same in any order, however often they exchange", () => {
  const three = fc.tuple(replica, replica, replica);
  const converge = fc.property(three, fc.constantFrom(...JOINS), ([a, b, c], how) => {
    const join = (...all: readonly [Replica, ...Replica[]]): Replica =>
      all.reduce((one, other) => joinReplicas(one, other, how));
    const wanted = join(a, b, c);
    for (const other of [
      join(a, c, b),
      join(b, a, c),
      join(b, c, a),
      join(c, a, b),
      join(c, b, a),
      join(a, join(b, c)),
      join(join(a, c), join(b, c), a),
      join(wanted, wanted, b),
    ])
      expect(sameReplica(other, wanted)).toBe(true);
    expect(sameReplica(join(a, a), a)).toBe(true);
    if (how === "union")
      for (const one of [a, b, c]) expect(wanted.tags).toEqual(expect.arrayContaining([...one.tags]));
    expect(wanted.updatedAt).toBe(Math.max(a.updatedAt, b.updatedAt, c.updatedAt));
  });
  fc.assert(converge);
});
