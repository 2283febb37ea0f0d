import type { DirectedGraph } from "graphology";
import type { MemoryGraph } from "../store/port.ts";

/** Who directly depends on a node. Nodes are the entities' numbers in decimal. */
export type DependentsOf = (node: string) => Iterable<string>;

/** A copy of the relations in memory, brought up to date before each use. */
export interface DependencyGraph {
  /** Call it inside a read: the copy then fits what that read sees. */
  current(rows: Pick<MemoryGraph, "graphState" | "edgesAfter">): Promise<DependentsOf>;
}

const PAGE = 5_000;

/**
 * Keeps a graphology graph beside the store. It loads on first use, then reads only the relations added since, by
 * this process or another; a grown epoch (something was removed) makes it start over.
 */
export function dependencyGraph(): DependencyGraph {
  let graph: DirectedGraph | undefined;
  let epoch = 0;
  let last = 0;
  return {
    async current(rows) {
      const state = await rows.graphState();
      if (graph === undefined || state.epoch !== epoch || state.last < last) {
        const { DirectedGraph: Graph } = await import("graphology");
        graph = new Graph();
        epoch = state.epoch;
        last = 0;
      }
      while (last < state.last) {
        const edges = await rows.edgesAfter(last, PAGE);
        for (const { from, to } of edges) graph.mergeEdge(String(from), String(to));
        last = edges.length < PAGE ? state.last : (edges.at(-1)?.n ?? state.last);
      }
      return dependentsIn(graph);
    },
  };
}

function dependentsIn(graph: DirectedGraph): DependentsOf {
  return function* dependents(node) {
    if (!graph.hasNode(node)) return;
    for (const { neighbor } of graph.inNeighborEntries(node)) yield neighbor;
  };
}
