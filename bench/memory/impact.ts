/**
 * find_impact on a graph of 100,000 nodes with hubs, through the tool: latency with a cap of 500, and every answer
 * against a breadth-first walk over the same edges. Prints markdown; exit 1 where an answer differs.
 *
 *     node bench/memory/impact.ts [--nodes N] [--calls N]
 */
import { parseArgs } from "node:util";
import { z } from "zod";
import { openForTest } from "../../test/servers/memory/open-memory.ts";
import { connect, mustCall } from "../../test/support/connect.ts";
import { machineLine, markdownTable, residentMb } from "../machine.ts";
import { quantile, seededRandom } from "../statistics.ts";

const EDGES_PER_NODE = 4;
const DEPTH = 3;
const CAP = 500;
const WRITER = { principal: { id: "bench" }, once: undefined };

/** Edges `[from, to]`; half of them lead to nodes drawn by the cube of a uniform, so that low numbers are hubs. */
function drawEdges(nodes: number): readonly (readonly [number, number])[] {
  const random = seededRandom(7);
  const pick = (power: number): number => Math.floor(random() ** power * nodes);
  return Array.from({ length: nodes * EDGES_PER_NODE }, (_, index): readonly [number, number] => [
    pick(1),
    index % 2 === 0 ? pick(1) : pick(3),
  ]).filter(([from, to]) => from !== to);
}

/** Distances of what depends on a node, up to the depth: the oracle. */
function distancesFrom(
  start: number,
  dependents: ReadonlyMap<number, readonly number[]>,
): ReadonlyMap<number, number> {
  const distances = new Map([[start, 0]]);
  let level = [start];
  for (let distance = 1; distance <= DEPTH; distance += 1) {
    const next: number[] = [];
    for (const node of level)
      for (const other of dependents.get(node) ?? [])
        if (!distances.has(other)) {
          distances.set(other, distance);
          next.push(other);
        }
    level = next;
  }
  distances.delete(start);
  return distances;
}

/** Undefined where the answer is what the walk finds: all of it, or the nearest up to the cap. */
function difference(
  found: ReadonlyMap<number, number>,
  truncated: boolean,
  wanted: ReadonlyMap<number, number>,
): string | undefined {
  if (truncated !== wanted.size > CAP) return `truncated ${truncated} with ${wanted.size} dependents`;
  if (found.size !== Math.min(CAP, wanted.size)) return `${found.size} of ${wanted.size}`;
  for (const [node, distance] of found)
    if (wanted.get(node) !== distance) return `${node} at ${distance}, not ${wanted.get(node)}`;
  const farthest = Math.max(0, ...found.values());
  const nearer = [...wanted].filter(([node, distance]) => distance < farthest && !found.has(node)).length;
  return nearer === 0 ? undefined : `${nearer} nearer ones left out`;
}

const { values } = parseArgs({
  options: { nodes: { type: "string", default: "100000" }, calls: { type: "string", default: "500" } },
});
const nodes = Number(values.nodes);
const edges = drawEdges(nodes);
const { server, store } = openForTest();
for (let at = 0; at < edges.length; at += 2_000)
  await store.write(WRITER, async (tx) => {
    for (const [from, to] of edges.slice(at, at + 2_000))
      await tx.relate({ from: `n${from}`, type: "DEPENDS_ON", to: `n${to}` }, 0);
  });
const dependents = new Map<number, number[]>();
for (const [from, to] of edges) dependents.set(to, [...(dependents.get(to) ?? []), from]);

const Impact = z.object({
  affected: z.array(z.object({ node: z.string(), distance: z.int() })),
  truncated: z.boolean(),
});
const { client, close } = await connect(server);
// The wire cuts an answer at its tokens, so the walk is compared where it is made: through the tool with the most.
const ask = async (
  node: number,
): Promise<{ readonly ms: number; readonly answer: z.output<typeof Impact> }> => {
  const started = performance.now();
  const answer = await mustCall(client, "find_impact", {
    changed: [`n${node}`],
    depth: DEPTH,
    limit: CAP,
    max_tokens: 20_000,
  });
  return { ms: performance.now() - started, answer: Impact.parse(answer) };
};
const first = await ask(nodes - 1);
const random = seededRandom(11);
const rows: (readonly string[])[] = [];
let wrong = 0;
let compared = 0;
for (const [what, pick] of [
  ["any node", () => Math.floor(random() * nodes)],
  ["hubs", () => Math.floor(random() * 50)],
] as const) {
  const samples: number[] = [];
  for (let call = 0; call < Number(values.calls); call += 1) {
    const node = pick();
    const { ms, answer } = await ask(node);
    samples.push(ms);
    const wanted = distancesFrom(node, dependents);
    const found = new Map(answer.affected.map((one) => [Number(one.node.slice(1)), one.distance]));
    // A page that ended by its tokens holds the nearest ones, and is not compared as a whole.
    if (answer.truncated && found.size < Math.min(CAP, wanted.size)) continue;
    compared += 1;
    const told = difference(found, answer.truncated, wanted);
    if (told === undefined) continue;
    wrong += 1;
    process.stderr.write(`n${node}: ${told}\n`);
  }
  rows.push([what, `${samples.length}`, ...[0.5, 0.99, 1].map((q) => quantile(samples, q).toFixed(1))]);
}
await close();
await server.close();
process.stdout.write(`${machineLine(new Date())}\n\n`);
process.stdout.write(
  `${markdownTable(["start", "calls", "p50 ms", "p99 ms", "max ms"], rows)}\n\n` +
    `${nodes} nodes, ${edges.length} relations; depth ${DEPTH}, cap ${CAP}; first call (loads the graph) ${first.ms.toFixed(0)} ms; ` +
    `${compared} answers compared with the walk, ${wrong} differ; ${residentMb(process.pid).toFixed(0)} MB resident.\n`,
);
if (wrong > 0) process.exitCode = 1;
