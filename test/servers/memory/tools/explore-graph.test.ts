import fc from "fast-check";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { callTool, connect, mustCall, type Connection } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

const Explored = z.object({
  nodes: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      type: z.string(),
      distance: z.int().optional(),
      degree: z.int().optional(),
      rank: z.number().optional(),
      community: z.int().optional(),
    }),
  ),
  edges: z.array(z.object({ from: z.string(), type: z.string(), to: z.string() })),
  truncated: z.boolean(),
  hint: z.string().optional(),
});

let open: Connection;
let close: () => Promise<void>;
beforeEach(async () => {
  const { server } = openForTest();
  open = await connect(server);
  close = async () => {
    await open.close();
    await server.close();
  };
});
afterEach(() => close());

const relate = (relations: readonly object[], entities: readonly object[] = []) =>
  mustCall(open.client, "relate_entities", { relations, entities });
const explore = async (args: Record<string, unknown>) =>
  Explored.parse(await mustCall(open.client, "explore_graph", args));
const uses = (from: string, to: string) => ({ from, type: "uses", to });
const namesIn = ({ nodes }: z.output<typeof Explored>) => nodes.map(({ name }) => name);

test("neighbors: by direction, type and depth, nearest first, with the relations between them", async () => {
  await relate([
    uses("api", "db"),
    uses("db", "config"),
    { from: "test", type: "tests", to: "api" },
    { from: "api", type: "imports", to: "db" },
    uses("config", "api"),
  ]);
  const near = await explore({ start: "./api", mode: "neighbors" });
  expect(near.nodes.map(({ name, distance }) => [name, distance])).toEqual([
    ["api", 0],
    ["db", 1],
    ["test", 1],
    ["config", 1],
  ]);
  expect(near.edges).toHaveLength(5);
  expect(near.truncated).toBe(false);
  expect(namesIn(await explore({ start: "api", mode: "neighbors", direction: "out" }))).toEqual([
    "api",
    "db",
  ]);
  expect(namesIn(await explore({ start: "api", mode: "neighbors", direction: "in" }))).toEqual([
    "api",
    "test",
    "config",
  ]);
  const typed = await explore({ start: "api", mode: "neighbors", types: ["tests", "imports"], depth: 5 });
  expect(typed.edges).toEqual([
    { from: "test", type: "tests", to: "api" },
    { from: "api", type: "imports", to: "db" },
  ]);
  const id = near.nodes[1]?.id ?? "";
  expect(namesIn(await explore({ start: id, mode: "neighbors", direction: "out" }))).toEqual([
    "db",
    "config",
  ]);
});

test("neighbors and paths equal an independent oracle on random graphs", async () => {
  const name = fc.constantFrom("a", "b", "c", "d", "e", "f", "__proto__", "constructor", "12", "7");
  const edges = fc.array(fc.tuple(name, name), { minLength: 1, maxLength: 14 });
  const direction = fc.constantFrom("both", "out", "in");
  await fc.assert(
    fc.asyncProperty(edges, direction, fc.integer({ min: 1, max: 5 }), async (pairs, way, depth) => {
      // Each run has a graph of its own: its names begin with the run's own word.
      const word = `${(runs += 1)}:`;
      await relate(pairs.map(([from, to]) => uses(word + from, word + to)));
      const [start, goal] = [pairs[0]?.[0] ?? "", pairs.at(-1)?.[1] ?? ""];
      const distances = new Map([[start, 0]]);
      for (let round = 1; round <= 9; round += 1)
        for (const [from, to] of pairs)
          for (const [a, b] of [
            ...(way === "in" ? [] : [[from, to] as const]),
            ...(way === "out" ? [] : [[to, from] as const]),
          ])
            if (distances.get(a) === round - 1 && !distances.has(b)) distances.set(b, round);
      const near = await explore({
        start: word + start,
        mode: "neighbors",
        direction: way,
        depth,
        max_tokens: 20_000,
      });
      expect(
        new Map(near.nodes.map(({ name: found, distance }) => [found.slice(word.length), distance])),
      ).toEqual(new Map([...distances].filter(([, distance]) => distance <= depth)));
      const path = await explore({
        start: word + start,
        to: word + goal,
        mode: "path",
        direction: way,
        depth,
      });
      const expected = distances.get(goal);
      if (expected === undefined || expected > depth) {
        expect(path).toMatchObject({ nodes: [], edges: [], hint: expect.stringContaining(`${depth} steps`) });
        return;
      }
      const names = namesIn(path);
      expect([names[0], names.at(-1), path.edges.length]).toEqual([word + start, word + goal, expected]);
      for (const [at, { from, to }] of path.edges.entries()) {
        const step = [names[at], names[at + 1]];
        expect([from, to].toSorted()).toEqual(step.toSorted());
        if (way !== "both") expect([from, to]).toEqual(way === "out" ? step : step.toReversed());
      }
    }),
    { numRuns: 40 },
  );
});
let runs = 0;

test("hubs: the most related first, in the whole graph or in reach of a start", async () => {
  await relate([
    ...["a", "b", "c"].map((name) => uses(name, "core")),
    uses("core", "x"),
    uses("far", "lib"),
    uses("other", "lib"),
  ]);
  const hubs = await explore({ mode: "hubs", limit: 2 });
  expect(hubs.nodes.map(({ name, degree }) => [name, degree])).toEqual([
    ["core", 4],
    ["lib", 2],
  ]);
  expect(hubs.truncated).toBe(true);
  expect((await explore({ mode: "hubs", direction: "out" })).nodes[0]).toMatchObject({
    name: "a",
    degree: 1,
  });
  const around = await explore({ mode: "hubs", start: "far" });
  expect(around.nodes.map(({ name, degree, rank }) => [name, degree, rank])).toEqual([
    ["lib", 2, 0.459],
    ["far", 1, 0.345],
    ["other", 1, 0.195],
  ]);
});

test("communities: groups by number, the largest first", async () => {
  const clique = (names: readonly string[]) =>
    names.flatMap((a, at) => names.slice(at + 1).map((b) => uses(a, b)));
  await relate([...clique(["p", "q", "r", "s"]), uses("s", "t"), ...clique(["t", "u", "v", "w", "x"])]);
  const { nodes, edges, truncated } = await explore({ mode: "communities" });
  const members = (community: number) =>
    nodes.filter((node) => node.community === community).map(({ name }) => name);
  expect([members(1), members(2), edges.length, truncated]).toEqual([
    ["t", "u", "v", "w", "x"],
    ["p", "q", "r", "s"],
    17,
    false,
  ]);
  expect(namesIn(await explore({ mode: "communities", start: "p", depth: 1 }))).toEqual(["p", "q", "r", "s"]);
});

test("namesakes are told apart by id", async () => {
  const made = await relate(
    [],
    [
      { name: "Task", type: "Class" },
      { name: "Task", type: "Table" },
    ],
  );
  const ids = z.object({ ids: z.array(z.string()) }).parse(made["entities"]).ids;
  await relate([uses(ids[0] ?? "", ids[1] ?? ""), uses("queue", ids[1] ?? "")]);
  const { nodes, edges } = await explore({ start: "queue", mode: "neighbors", depth: 2 });
  expect(nodes.map(({ name, type }) => `${name} ${type}`)).toEqual([
    "queue unknown",
    "Task Table",
    "Task Class",
  ]);
  expect(edges).toEqual([uses(ids[0] ?? "", ids[1] ?? ""), uses("queue", ids[1] ?? "")]);
});

test("a hub of 1,500 and names of any script stay inside limit and budget, and say so", async () => {
  for (let start = 0; start < 1_500; start += 500)
    await relate(Array.from({ length: 500 }, (_, i) => uses(`${"漢".repeat(60)}-${start + i}`, "hub")));
  for (const mode of ["neighbors", "hubs", "communities"])
    for (const budget of [200, 2_000, 20_000]) {
      const answer = await explore({ start: "hub", mode, limit: 500, max_tokens: budget });
      expect(answer.truncated, mode).toBe(true);
      expect(answer.nodes.length, mode).toBeGreaterThan(0);
      expect(encode(JSON.stringify(answer)).length, `${mode} ${budget}`).toBeLessThanOrEqual(budget);
    }
  expect(await explore({ start: "hub", mode: "neighbors", limit: 20, max_tokens: 20_000 })).toMatchObject({
    truncated: true,
    nodes: { length: 20 },
  });
});

test("escapes in names do not reach the reader; what cannot be explored is refused", async () => {
  await relate([uses("a", "b\u001b[31mred\u202e")]);
  expect(JSON.stringify(await explore({ start: "a", mode: "neighbors" }))).not.toMatch(/\\u001b|\u202e/);
  for (const [args, code] of [
    [{ mode: "neighbors" }, "invalid"],
    [{ mode: "path", start: "a" }, "invalid"],
    [{ mode: "neighbors", start: "nowhere" }, "not_found"],
    [{ mode: "path", start: "a", to: "') OR 1 --" }, "not_found"],
    [{ mode: "hubs", types: Array.from({ length: 51 }, () => "t") }, "limit"],
    [{ mode: "neighbors", start: "a", depth: 6 }, undefined],
    [{ mode: "walk", start: "a" }, undefined],
  ] as const) {
    const answer = await callTool(open.client, "explore_graph", args);
    expect(answer.ok, JSON.stringify(args).slice(0, 80)).toBe(false);
    if (!answer.ok && code !== undefined) expect(answer.error).toMatchObject({ code });
  }
  expect(await explore({ mode: "hubs", types: ["' OR 1"] })).toEqual({
    nodes: [],
    edges: [],
    truncated: false,
  });
});
