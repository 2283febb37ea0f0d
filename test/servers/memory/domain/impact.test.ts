import fc from "fast-check";
import { expect, test } from "vitest";
import { findAffected } from "../../../../servers/memory/domain/impact.ts";

type Edge = readonly [from: number, to: number];

/** The distance of every node by relaxing all edges until nothing changes: no queue, no visiting order. */
function distances(edges: readonly Edge[], changed: readonly number[]): Map<number, number> {
  const distance = new Map(changed.map((node) => [node, 0]));
  for (let moved = true; moved;) {
    moved = false;
    for (const [from, to] of edges) {
      const through = (distance.get(to) ?? Infinity) + 1;
      if (through < (distance.get(from) ?? Infinity)) {
        distance.set(from, through);
        moved = true;
      }
    }
  }
  return distance;
}

const node = fc.integer({ min: 0, max: 14 });
const edgeList = fc.array(fc.tuple(node, node), { maxLength: 50 });

test("finds exactly what an independent oracle finds, at the same distances, by real paths, nearest first", () => {
  fc.assert(
    fc.property(
      edgeList,
      fc.array(node, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 5 }),
      (edges, changed, depth) => {
        const dependentsOf = (to: number): readonly number[] =>
          edges.filter((edge) => edge[1] === to).map(([from]) => from);
        const { affected, truncated } = findAffected(changed, dependentsOf, { depth, limit: 500 });
        const expected = [...distances(edges, changed)].filter(
          ([, distance]) => distance >= 1 && distance <= depth,
        );
        expect(truncated).toBe(false);
        expect(new Map(affected.map((found) => [found.node, found.distance]))).toEqual(new Map(expected));
        expect(affected).toHaveLength(expected.length);
        expect(affected.map(({ distance }) => distance)).toEqual(
          affected.map(({ distance }) => distance).sort((a, b) => a - b),
        );
        for (const { node: end, distance, path } of affected) {
          expect(path).toHaveLength(distance + 1);
          expect(changed).toContain(path[0]);
          expect(path.at(-1)).toBe(end);
          path.slice(1).forEach((from, index) => expect(dependentsOf(path[index] ?? -1)).toContain(from));
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("a cap keeps the nearest ones and says that something was left out, but only then", () => {
  fc.assert(
    fc.property(edgeList, node, fc.integer({ min: 1, max: 10 }), (edges, changed, limit) => {
      const dependentsOf = (to: number): readonly number[] =>
        edges.filter((edge) => edge[1] === to).map(([from]) => from);
      const whole = findAffected([changed], dependentsOf, { depth: 5, limit: 500 }).affected;
      const capped = findAffected([changed], dependentsOf, { depth: 5, limit });
      expect(capped.affected).toEqual(whole.slice(0, limit));
      expect(capped.truncated).toBe(whole.length > limit);
    }),
  );
});
