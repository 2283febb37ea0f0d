/** One thing that depends, directly or not, on a changed one. */
export interface Affected<Node> {
  readonly node: Node;
  /** Steps to the nearest changed thing, 1 or more. */
  readonly distance: number;
  /** From that changed thing to this node, both included. */
  readonly path: readonly Node[];
}

export interface ImpactOptions {
  /** The most steps to walk. */
  readonly depth: number;
  /** The most nodes to report. */
  readonly limit: number;
}

/**
 * Breadth-first walk from the changed nodes to what depends on them: nearest first, each node once, cycles end.
 * `dependentsOf` gives the direct dependents of a node; their order decides between equals.
 * `truncated` says that at least one more node within the depth was left out.
 */
export function findAffected<Node>(
  changed: Iterable<Node>,
  dependentsOf: (node: Node) => Iterable<Node>,
  { depth, limit }: ImpactOptions,
): { readonly affected: readonly Affected<Node>[]; readonly truncated: boolean } {
  const seen = new Set(changed);
  const affected: Affected<Node>[] = [];
  let level: readonly Affected<Node>[] = [...seen].map((node) => ({ node, distance: 0, path: [node] }));
  for (let distance = 1; distance <= depth && level.length > 0; distance += 1) {
    const next: Affected<Node>[] = [];
    for (const from of level) {
      for (const node of dependentsOf(from.node)) {
        if (seen.has(node)) continue;
        if (affected.length === limit) return { affected, truncated: true };
        seen.add(node);
        const found = { node, distance, path: [...from.path, node] };
        affected.push(found);
        next.push(found);
      }
    }
    level = next;
  }
  return { affected, truncated: false };
}
