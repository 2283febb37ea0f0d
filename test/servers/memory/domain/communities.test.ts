import fc from "fast-check";
import { expect, test } from "vitest";
import { communitiesOf } from "../../../../servers/memory/domain/communities.ts";

const link = (from: number, to: number) => ({ from, type: "uses", to });
const clique = (nodes: readonly number[]) =>
  nodes.flatMap((a) => nodes.filter((b) => b > a).map((b) => link(a, b)));

test("two dense groups with one link between them are two communities, however the nodes are numbered", () => {
  const numbering = fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8, 9], { minLength: 9, maxLength: 9 });
  fc.assert(
    fc.property(numbering, fc.nat(4), fc.nat(3), (numbers, x, y) => {
      const [five, four] = [numbers.slice(0, 5), numbers.slice(5)];
      const bridge = link(five[x] ?? 0, four[y] ?? 0);
      const sorted = (nodes: readonly number[]) => nodes.toSorted((a, b) => a - b);
      expect(communitiesOf([...clique(five), bridge, ...clique(four)])).toEqual([sorted(five), sorted(four)]);
    }),
  );
});

test("every node is in one community, no community spans what is not linked, and the order of links does not matter", () => {
  const links = fc.array(fc.tuple(fc.nat(12), fc.nat(12)), { maxLength: 30 });
  fc.assert(
    fc.property(links, (pairs) => {
      const given = pairs.map(([from, to]) => link(from, to));
      const communities = communitiesOf(given);
      expect(communities.flat().toSorted()).toEqual([...new Set(pairs.flat())].toSorted());
      expect(communitiesOf(given.toReversed())).toEqual(communities);
      const root = new Map(pairs.flat().map((node) => [node, node]));
      for (let round = 0; round < 13; round += 1)
        for (const [a, b] of pairs) {
          const least = Math.min(root.get(a) ?? a, root.get(b) ?? b);
          root.set(a, least).set(b, least);
        }
      for (const community of communities)
        expect(new Set(community.map((node) => root.get(node))).size).toBe(1);
    }),
  );
});
