import { DomainError } from "../../../kernel/errors.ts";
import { communitiesOf } from "../domain/communities.ts";
import { namesFor } from "../domain/graph.ts";
import { personalRank } from "../domain/personal-rank.ts";
import { walk, type Direction, type Link, type Walk } from "../domain/walk.ts";
import type { LinkFilter, MemoryTx } from "../store/port.ts";

/** How many entities a walk visits, and how many relations it reads a step, before it says truncated. */
const POOL = 20_000;

export const MODES = ["neighbors", "path", "hubs", "communities"] as const;

type Mode = (typeof MODES)[number];

/** What the caller asks for, in the words of the tool. */
export interface Wanted {
  readonly start?: string | undefined;
  readonly to?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly direction: Direction;
  readonly depth?: number | undefined;
  readonly limit: number;
}

/** What a mode finds. */
export interface Found {
  /** In the order of the answer, with what the mode measures. */
  readonly nodes: readonly (Measures & { readonly n: number })[];
  /** The edges to show; undefined: all between the nodes. */
  readonly links?: readonly Link[] | undefined;
  readonly truncated: boolean;
  readonly hint?: string | undefined;
}

interface Measures {
  readonly distance?: number;
  readonly degree?: number;
  /** The share of a random walk around the start that is spent here, 0..1. */
  readonly rank?: number;
  /** 1 is the largest. */
  readonly community?: number;
}

/** How each mode looks. */
export const FINDERS: Readonly<Record<Mode, (wanted: Wanted, tx: MemoryTx) => Promise<Found>>> = {
  async neighbors(wanted, tx) {
    const start = await numbersFor(wanted.start, "start", tx);
    const { distances, truncated } = await walkFrom(start, wanted, tx, {
      depth: wanted.depth ?? 1,
      limit: wanted.limit,
    });
    return { nodes: [...distances].map(([n, distance]) => ({ n, distance })), truncated };
  },
  async path(wanted, tx) {
    const start = await numbersFor(wanted.start, "start", tx);
    const goals = new Set(await numbersFor(wanted.to, "to", tx));
    const depth = wanted.depth ?? 5;
    const { path, truncated } = await walkFrom(start, wanted, tx, { depth, goals });
    if (path === undefined)
      return { nodes: [], truncated, hint: `no path of at most ${depth} steps was found` };
    return { nodes: path.nodes.map((n, distance) => ({ n, distance })), links: path.links, truncated: false };
  },
  async hubs(wanted, tx) {
    const { start, numbers, truncated } = await reachOf(wanted, tx);
    // One more than asked tells whether there is more.
    const limit = wanted.limit + 1;
    if (numbers === undefined)
      return { nodes: await tx.degrees(undefined, { ...filterOf(wanted), limit }), truncated };
    const links = await tx.linksAmong(numbers, { types: wanted.types, limit: POOL + 1 });
    const best = [...personalRank(start, links.slice(0, POOL))].slice(0, limit);
    const related = await tx.degrees(
      best.map(([n]) => n),
      { ...filterOf(wanted), limit },
    );
    const degrees = new Map(related.map(({ n, degree }) => [n, degree]));
    return {
      nodes: best.map(([n, rank]) => ({ n, degree: degrees.get(n) ?? 0, rank: Number(rank.toPrecision(3)) })),
      truncated: truncated || links.length > POOL,
    };
  },
  async communities(wanted, tx) {
    const { numbers, truncated } = await reachOf(wanted, tx);
    const filter = { types: wanted.types, direction: "out", limit: POOL + 1 } as const;
    const links =
      numbers === undefined ? await tx.linksOf(undefined, filter) : await tx.linksAmong(numbers, filter);
    const nodes = communitiesOf(links.slice(0, POOL)).flatMap((members, index) =>
      members.map((n) => ({ n, community: index + 1 })),
    );
    return { nodes, truncated: truncated || links.length > POOL };
  },
};

function filterOf({ types, direction }: Wanted): Omit<LinkFilter, "limit"> {
  return { types, direction };
}

function walkFrom(
  start: readonly number[],
  wanted: Wanted,
  tx: MemoryTx,
  options: { readonly depth: number; readonly limit?: number; readonly goals?: ReadonlySet<number> },
): Promise<Walk> {
  const linksOf = async (nodes: readonly number[]) => {
    const links = await tx.linksOf(nodes, { ...filterOf(wanted), limit: POOL + 1 });
    return { links: links.slice(0, POOL), cut: links.length > POOL };
  };
  return walk(start, linksOf, { limit: POOL, ...options, direction: wanted.direction });
}

/** The entities that hubs and communities are looked for among: all, or what is in reach of `start`. */
async function reachOf(
  wanted: Wanted,
  tx: MemoryTx,
): Promise<{
  readonly start: readonly number[];
  readonly numbers: readonly number[] | undefined;
  readonly truncated: boolean;
}> {
  if (wanted.start === undefined) return { start: [], numbers: undefined, truncated: false };
  const start = await numbersFor(wanted.start, "start", tx);
  const { distances, truncated } = await walkFrom(start, wanted, tx, { depth: wanted.depth ?? 5 });
  return { start, numbers: [...distances.keys()], truncated };
}

async function numbersFor(
  name: string | undefined,
  argument: "start" | "to",
  tx: MemoryTx,
): Promise<readonly number[]> {
  if (name === undefined)
    throw new DomainError("invalid", `this mode needs ${argument}`, {
      hint: `give ${argument} as the name or the id of an entity`,
    });
  for (const candidate of namesFor(name)) {
    const numbers = await tx.numbersOf(candidate);
    if (numbers.length > 0) return numbers;
  }
  throw new DomainError("not_found", `the graph does not know the entity given as ${argument}`, {
    hint: "mode hubs without start shows what is there; relate_entities adds it",
  });
}
