import { z } from "zod";
import { whole } from "../../../kernel/mcp/input.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { cleanText } from "../../../kernel/text.ts";
import { estimateTokens, fitText } from "../../../kernel/tokens.ts";
import type { Entity } from "../domain/graph.ts";
import { atMost, LIMITS } from "../domain/limits.ts";
import { DIRECTIONS, type Link } from "../domain/walk.ts";
import type { MemoryDeps } from "../deps.ts";
import { FINDERS, MODES } from "./graph-modes.ts";
import { maxTokens } from "./memory-schema.ts";

/** What the answer costs beside its nodes and edges. */
const FRAME_TOKENS = 60;

/** The share of the answer that nodes may take; edges between them get the rest. */
const NODES_SHARE = 0.6;

/** Of an entity's name or type, and of a relation's type. */
const NAME_TOKENS = 30;

const MAX_EDGES = 1_000;

const input = z.strictObject({
  start: z.string().optional().describe("Name or id; hubs and communities can do without"),
  mode: z.enum(MODES),
  to: z.string().optional().describe("Path end"),
  types: z.array(z.string()).optional(),
  direction: z.enum(DIRECTIONS).default("both"),
  depth: whole(1, 5).optional().describe("Default 5, neighbors 1"),
  limit: whole(1, 500).default(50),
  max_tokens: maxTokens,
});

export const exploreGraph = defineTool({
  name: "explore_graph",
  title: "Explore graph",
  description:
    "Shows how things relate: neighbors, the shortest path between two, hubs, or communities. Returns entities and their relations.",
  input,
  output: z.looseObject({
    nodes: z.array(z.looseObject({ id: z.string() })),
    edges: z.array(z.looseObject({})),
    truncated: z.boolean(),
  }),
  annotations: READS,
  async run(wanted, { store }: MemoryDeps) {
    atMost(wanted.types?.length ?? 0, LIMITS.tags, "types", "entries", "leave types out for all");
    return store.read(async (tx) => {
      const found = await FINDERS[wanted.mode](wanted, tx);
      const listed = found.nodes.slice(0, wanted.limit);
      const entities = await tx.entities(listed.map(({ n }) => n));
      const nodes = listed.flatMap(({ n, ...measures }) => {
        const entity = entities.get(n);
        return entity === undefined ? [] : [{ n, node: { ...named(entity), ...measures } }];
      });
      const room = wanted.max_tokens - FRAME_TOKENS;
      const shown = nodes.slice(
        0,
        countFitting(nodes, ({ node }) => node, room * NODES_SHARE),
      );
      const numbers = shown.map(({ n }) => n);
      const links =
        found.links ?? (await tx.linksAmong(numbers, { types: wanted.types, limit: MAX_EDGES + 1 }));
      const edges = edgesOf(links, shown);
      const spent = shown.reduce((sum, { node }) => sum + costOf(node), 0);
      const edgeCount = Math.min(
        MAX_EDGES,
        countFitting(edges, (edge) => edge, room - spent),
      );
      return {
        nodes: shown.map(({ node }) => node),
        edges: edges.slice(0, edgeCount),
        truncated: found.truncated || shown.length < found.nodes.length || edgeCount < links.length,
        ...(found.hint === undefined ? {} : { hint: found.hint }),
      };
    });
  },
});

interface Shown {
  readonly n: number;
  readonly node: { readonly id: string; readonly name: string; readonly type: string };
}

function named({ id, name, type }: Entity): Shown["node"] {
  return { id, name: clipped(name), type: clipped(type) };
}

function clipped(text: string): string {
  const clean = cleanText(text);
  const { text: cut, truncated } = fitText(clean, NAME_TOKENS);
  return truncated ? `${cut}…` : cut;
}

/** An end is told by its name, or by its id where another node shown has the same name. Ends left out leave the edge out. */
function edgesOf(
  links: readonly Link[],
  shown: readonly Shown[],
): { readonly from: string; readonly type: string; readonly to: string }[] {
  const namesakes = Map.groupBy(shown, ({ node }) => node.name);
  const labels = new Map(
    shown.map(({ n, node }) => [n, namesakes.get(node.name)?.length === 1 ? node.name : node.id]),
  );
  return links.flatMap(({ from, type, to }) => {
    const [source, target] = [labels.get(from), labels.get(to)];
    return source === undefined || target === undefined
      ? []
      : [{ from: source, type: clipped(type), to: target }];
  });
}

function costOf(item: object): number {
  return estimateTokens(JSON.stringify(item)) + 1;
}

/** How many items from the front fit into so many tokens. */
function countFitting<T>(items: readonly T[], part: (item: T) => object, maxTokens: number): number {
  let left = maxTokens;
  const end = items.findIndex((item) => (left -= costOf(part(item))) < 0);
  return end === -1 ? items.length : end;
}
