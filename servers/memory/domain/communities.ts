import type { Link } from "./walk.ts";

const MAX_ROUNDS = 20;

/**
 * Groups nodes that are linked more with each other than with the rest, largest group first, equals by their smallest
 * node. Every node takes the label that weighs most among its neighbours, until nothing changes or for 20 rounds; a
 * neighbour weighs 1 and 1 more for each neighbour both have. Nodes go in ascending order and equals take the smallest
 * label, so that the same links always give the same groups. Types and directions of the links do not count.
 *
 * Source: label propagation of Raghavan, Albert and Kumara, Physical Review E 76, 036106 (2007); weights by common
 * neighbours of Xie and Szymanski, "Community Detection Using A Neighborhood Strength Driven Label Propagation
 * Algorithm" (2011).
 */
export function communitiesOf(links: readonly Link[]): readonly (readonly number[])[] {
  const neighbours = neighboursIn(links);
  const nodes = [...neighbours.keys()].sort((a, b) => a - b);
  const labels = new Map(nodes.map((node) => [node, node]));
  for (let round = 0, moved = true; moved && round < MAX_ROUNDS; round += 1) {
    moved = false;
    for (const node of nodes) {
      const own = labels.get(node);
      const best = heaviestLabel(node, neighbours, labels);
      if (best === undefined || best === own) continue;
      labels.set(node, best);
      moved = true;
    }
  }
  const groups = Map.groupBy(nodes, (node) => labels.get(node));
  return [...groups.values()].sort((a, b) => b.length - a.length || (a[0] ?? 0) - (b[0] ?? 0));
}

type Neighbours = ReadonlyMap<number, ReadonlySet<number>>;

function neighboursIn(links: readonly Link[]): Neighbours {
  const neighbours = new Map<number, Set<number>>();
  const add = (node: number, other: number): void => {
    const known = neighbours.get(node) ?? new Set();
    neighbours.set(node, known);
    if (other !== node) known.add(other);
  };
  for (const { from, to } of links) {
    add(from, to);
    add(to, from);
  }
  return neighbours;
}

/** The own label where it weighs as much as any other. */
function heaviestLabel(
  node: number,
  neighbours: Neighbours,
  labels: ReadonlyMap<number, number>,
): number | undefined {
  const around = neighbours.get(node) ?? new Set();
  const weights = new Map<number, number>();
  for (const other of around) {
    const label = labels.get(other) ?? other;
    const common = commonIn(around, neighbours.get(other) ?? new Set());
    weights.set(label, (weights.get(label) ?? 0) + 1 + common);
  }
  const most = Math.max(...weights.values());
  const own = labels.get(node);
  if (own !== undefined && weights.get(own) === most) return own;
  const heaviest = [...weights].filter(([, weight]) => weight === most).map(([label]) => label);
  return heaviest.length === 0 ? undefined : Math.min(...heaviest);
}

function commonIn(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  let count = 0;
  for (const node of few) if (many.has(node)) count += 1;
  return count;
}
