import type { Link } from "./walk.ts";

/** How likely a walk starts over at each step. */
const RESTART = 0.15;

/** What is left at a node, per relation, below which it is not passed on. */
const PRECISION = 1e-5;

/**
 * How much of a random walk that keeps starting over at `start` is spent at each node, 0..1, the most first, equals by
 * number. Relations lead both ways, whatever their type; several between the same two count as one.
 *
 * Source: Andersen, Chung and Lang, "Local Graph Partitioning using PageRank Vectors" (2006): forward push. Each value
 * is too low by at most 1e-5 times the relations of the node.
 */
export function personalRank(start: readonly number[], links: readonly Link[]): ReadonlyMap<number, number> {
  const neighbours = neighboursIn(links);
  const ranks = new Map<number, number>();
  const residues = new Map(start.map((node) => [node, 1 / start.length]));
  const queue = [...residues.keys()];
  const waiting = new Set(queue);
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    waiting.delete(node);
    const around = neighbours.get(node) ?? new Set();
    const residue = residues.get(node) ?? 0;
    if (residue <= PRECISION * Math.max(1, around.size)) continue;
    residues.set(node, 0);
    // From where nothing leads on, the walk stays.
    const kept = around.size === 0 ? residue : RESTART * residue;
    ranks.set(node, (ranks.get(node) ?? 0) + kept);
    for (const other of around) {
      residues.set(other, (residues.get(other) ?? 0) + ((1 - RESTART) * residue) / around.size);
      if (waiting.has(other)) continue;
      waiting.add(other);
      queue.push(other);
    }
  }
  return new Map([...ranks].toSorted(([a, one], [b, other]) => other - one || a - b));
}

function neighboursIn(links: readonly Link[]): ReadonlyMap<number, ReadonlySet<number>> {
  const neighbours = new Map<number, Set<number>>();
  const add = (node: number, other: number): void => {
    const known = neighbours.get(node) ?? new Set();
    if (other !== node) known.add(other);
    neighbours.set(node, known);
  };
  for (const { from, to } of links) {
    add(from, to);
    add(to, from);
  }
  return neighbours;
}
