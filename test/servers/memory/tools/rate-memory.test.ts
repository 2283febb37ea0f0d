import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { betaBelow } from "../../../../servers/memory/domain/rating.ts";
import { callTool, connect, mustCall } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

test("the probability equals numeric integration of the density", () => {
  const shape = fc.double({ min: 1, max: 60, noNaN: true });
  fc.assert(
    fc.property(fc.double({ min: 0.05, max: 0.95, noNaN: true }), shape, shape, (x, a, b) => {
      // The density is taken relative to its peak, so that no gamma function is needed.
      const peak = a + b === 2 ? 0.5 : (a - 1) / (a + b - 2);
      const log = (t: number) =>
        (a === 1 ? 0 : (a - 1) * Math.log(t)) + (b === 1 ? 0 : (b - 1) * Math.log1p(-t));
      const top = log(Math.min(Math.max(peak, 1e-9), 1 - 1e-9));
      const area = (from: number, to: number) => {
        const steps = 4_000;
        let sum = 0;
        for (let i = 0; i < steps; i += 1)
          sum += Math.exp(log(from + ((i + 0.5) * (to - from)) / steps) - top);
        return (sum * (to - from)) / steps;
      };
      const below = area(0, x);
      expect(betaBelow(x, a, b)).toBeCloseTo(below / (below + area(x, 1)), 4);
    }),
    { numRuns: 100 },
  );
});

test.each([
  [0.8, 1, 1, 0.8],
  [0.8, 11, 1, 0.8 ** 11],
  [0.4, 1, 6, 1 - 0.6 ** 6],
  [0.5, 500, 500, 0.5],
])("P(Beta below %d) with a %d and b %d", (x, a, b, expected) => {
  expect(betaBelow(x, a, b)).toBeCloseTo(expected, 10);
});

test("ten successes promote, five failures deprecate, mixed ones stay candidates; each turn is one event", async () => {
  const { server, store } = openForTest();
  const { client, close } = await connect(server);
  const { items } = await mustCall(client, "remember", {
    items: ["good", "bad", "mixed"].map((text) => ({ text, kind: "pattern" })),
  });
  const [good, bad, mixed] = z
    .array(z.object({ id: z.string() }))
    .parse(items)
    .map(({ id }) => id);
  const rate = (id: unknown, outcome: string, more: object = {}) =>
    mustCall(client, "rate_memory", { id, outcome, ...more });
  const statuses = async (id: unknown, outcome: string, times: number) => {
    const seen = [];
    for (let i = 0; i < times; i += 1) seen.push((await rate(id, outcome))["status"]);
    return seen;
  };
  expect(await statuses(good, "success", 11)).toEqual([
    ...Array.from({ length: 9 }, () => "candidate"),
    "promoted",
    "promoted",
  ]);
  expect(await statuses(bad, "failure", 6)).toEqual([
    ...Array.from({ length: 4 }, () => "candidate"),
    "deprecated",
    "deprecated",
  ]);
  expect(await rate(mixed, "success", { weight: 2, idempotency_key: "k" })).toEqual({
    mean: 0.75,
    status: "candidate",
  });
  expect(await rate(mixed, "success", { weight: 2, idempotency_key: "k" })).toEqual({
    mean: 0.75,
    status: "candidate",
  });
  // The rating stays with the memory when it changes.
  await mustCall(client, "update_memory", { id: mixed, changes: { text: "changed" } });
  expect(await rate(mixed, "failure")).toEqual({ mean: 0.6, status: "candidate" });
  const turns = await store.events({
    after: 0,
    limit: 99,
    types: ["pattern.promoted", "pattern.deprecated"],
  });
  expect(turns.map(({ type, subject }) => [type, subject])).toEqual([
    ["pattern.promoted", good],
    ["pattern.deprecated", bad],
  ]);
  expect(await store.events({ after: 0, limit: 99, types: ["memory.rated"] })).toHaveLength(19);
  await mustCall(client, "forget_memories", { ids: [good], reason: "r", purge: true });
  for (const args of [
    { id: good, outcome: "success" },
    { id: bad, outcome: "maybe" },
    { id: bad, outcome: "success", weight: 0 },
    { id: bad, outcome: "success", weight: 11 },
    { id: "' OR 1", outcome: "success" },
  ])
    expect((await callTool(client, "rate_memory", args)).ok, JSON.stringify(args)).toBe(false);
  await close();
  await server.close();
});
