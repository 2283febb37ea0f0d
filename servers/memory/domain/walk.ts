/** A relation between two entities, by their numbers. */
export interface Link {
  readonly from: number;
  readonly type: string;
  readonly to: number;
}

/** `out` follows relations from source to target (what a thing needs), `in` against them, `both` either way. */
export const DIRECTIONS = ["both", "out", "in"] as const;

export type Direction = (typeof DIRECTIONS)[number];

export interface WalkOptions {
  readonly direction: Direction;
  /** The most steps. */
  readonly depth: number;
  /** The most nodes to visit, the first ones included. */
  readonly limit: number;
  /** The walk ends as soon as one of these is reached. */
  readonly goals?: ReadonlySet<number>;
}

/** Nodes in order, and the link between each and the next. */
export interface Path {
  readonly nodes: readonly number[];
  readonly links: readonly Link[];
}

export interface Walk {
  /** Steps from the start, nearest first; the first ones have 0. */
  readonly distances: ReadonlyMap<number, number>;
  /** The way from the start to the goal that was reached. */
  readonly path: Path | undefined;
  /** Something within the depth was left out. */
  readonly truncated: boolean;
}

/** Links that touch any of the nodes in a direction; `cut` says that there are more. */
export type LinksOf = (
  nodes: readonly number[],
) => Promise<{ readonly links: readonly Link[]; readonly cut: boolean }>;

/** Breadth-first walk: nearest first, each node once, so that cycles end. The order of the links decides between equals. */
export async function walk(
  start: readonly number[],
  linksOf: LinksOf,
  { direction, depth, limit, goals }: WalkOptions,
): Promise<Walk> {
  const distances = new Map(start.slice(0, limit).map((node) => [node, 0]));
  const reachedBy = new Map<number, readonly [number, Link]>();
  const goal = [...distances.keys()].find((node) => goals?.has(node));
  let truncated = start.length > limit;
  if (goal !== undefined) return { distances, path: { nodes: [goal], links: [] }, truncated };
  let level: readonly number[] = [...distances.keys()];
  for (let distance = 1; distance <= depth && level.length > 0; distance += 1) {
    const here = new Set(level);
    const next: number[] = [];
    const { links, cut } = await linksOf(level);
    truncated ||= cut;
    for (const [node, other, link] of stepsOver(links, here, direction)) {
      if (distances.has(other)) continue;
      if (distances.size >= limit) return { distances, path: undefined, truncated: true };
      distances.set(other, distance);
      reachedBy.set(other, [node, link]);
      next.push(other);
      if (goals?.has(other) === true) return { distances, path: pathTo(other, reachedBy), truncated };
    }
    level = next;
  }
  return { distances, path: undefined, truncated };
}

function* stepsOver(
  links: readonly Link[],
  here: ReadonlySet<number>,
  direction: Direction,
): Generator<readonly [node: number, other: number, link: Link]> {
  for (const link of links) {
    if (direction !== "in" && here.has(link.from)) yield [link.from, link.to, link];
    if (direction !== "out" && here.has(link.to)) yield [link.to, link.from, link];
  }
}

function pathTo(goal: number, reachedBy: ReadonlyMap<number, readonly [number, Link]>): Path {
  const nodes = [goal];
  const links: Link[] = [];
  for (let step = reachedBy.get(goal); step !== undefined; step = reachedBy.get(step[0])) {
    nodes.unshift(step[0]);
    links.unshift(step[1]);
  }
  return { nodes, links };
}
