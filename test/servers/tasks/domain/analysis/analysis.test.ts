import fc from "fast-check";
import { expect, test } from "vitest";
import {
  forecast,
  median,
  quantile,
  seededDraw,
} from "../../../../../servers/tasks/domain/analysis/forecast.ts";
import {
  openGraph,
  type OpenGraph,
  type OpenTask,
} from "../../../../../servers/tasks/domain/analysis/graph.ts";
import { dependentCounts } from "../../../../../servers/tasks/domain/analysis/reach.ts";
import { criticalPath, levelSizes } from "../../../../../servers/tasks/domain/analysis/shape.ts";

const open = (place: number, estimateS: number | null = null): OpenTask => ({
  id: `t${place}`,
  title: `task ${place}`,
  status: "ready",
  rank: place,
  milestone: null,
  estimateS,
  notBefore: null,
});

/** Small graphs without circles, named in any order: `rank` decides who may wait for whom. */
const graphs = fc
  .record({
    ranks: fc.uniqueArray(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 8 }),
    pairs: fc.uniqueArray(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 16, selector: String }),
    estimates: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 8, maxLength: 8 }),
  })
  .map(({ ranks, pairs, estimates }) => {
    const tasks = ranks.map((_, place) => open(place, estimates[place]));
    const edges = pairs.filter(([on, task]) => (ranks[on] ?? 9e9) < (ranks[task] ?? -1));
    return openGraph(
      tasks,
      edges.map(([on, task]) => ({ on: `t${on}`, task: `t${task}` })),
    );
  });

/** Every chain of places, each waiting for the one before. */
function chains({ tasks, blocks }: OpenGraph): readonly (readonly number[])[] {
  const from = (place: number): number[][] => [
    [place],
    ...(blocks[place] ?? []).flatMap((next) => from(next).map((rest) => [place, ...rest])),
  ];
  return tasks.flatMap((_, place) => from(place));
}

test("the order has every task once, after all that it waits for", () => {
  fc.assert(
    fc.property(graphs, ({ tasks, waitsFor, order }) => {
      expect(order.toSorted((a, b) => a - b)).toEqual(tasks.map((_, place) => place));
      waitsFor.forEach((on, place) =>
        on.forEach((before) => expect(order.indexOf(before)).toBeLessThan(order.indexOf(place))),
      );
    }),
  );
});

test("levels count how long the longest chain to each task is", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const sizes: number[] = [];
      graph.tasks.forEach((_, place) => {
        const ending = chains(graph).filter((chain) => chain.at(-1) === place);
        const level = Math.max(...ending.map((chain) => chain.length)) - 1;
        sizes[level] = (sizes[level] ?? 0) + 1;
      });
      expect(levelSizes(graph)).toEqual(sizes);
    }),
  );
});

test("the critical path is a chain, and no chain takes longer", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const durations = graph.tasks.map(({ estimateS }) => estimateS ?? 0);
      const total = (chain: readonly number[]) =>
        chain.reduce((sum, place) => sum + (durations[place] ?? 0), 0);
      const { places, duration } = criticalPath(graph, durations);
      expect(duration).toBe(Math.max(...chains(graph).map(total)));
      expect(total(places)).toBe(duration);
      places.slice(1).forEach((place, i) => expect(graph.waitsFor[place]).toContain(places[i]));
    }),
  );
});

test("dependents are counted as every chain shows them", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const counts = dependentCounts(graph);
      graph.tasks.forEach((_, place) => {
        const after = new Set(chains(graph).flatMap((chain) => (chain[0] === place ? chain.slice(1) : [])));
        expect(counts[place]).toBe(after.size);
      });
    }),
  );
});

test("a chain longer than one slice of the count is counted exactly", () => {
  const tasks = Array.from({ length: 2_100 }, (_, place) => open(place));
  const chain = openGraph(
    tasks,
    tasks.slice(1).map((task, place) => ({ on: `t${place}`, task: task.id })),
  );
  expect(dependentCounts(chain)).toEqual(tasks.map((_, place) => tasks.length - 1 - place));
  expect(levelSizes(chain)).toHaveLength(2_100);
});

/** So many attempts took the same that hardly anything is left to chance. */
const SURE = { seen: Array.from({ length: 1_000 }, () => 7), wasted: [], now: 0 };

test("a forecast lies between the longest chain and all work in a row, and is the same for the same seed", () => {
  fc.assert(
    fc.property(graphs, fc.integer({ min: 1, max: 4 }), fc.nat(), (graph, workers, seed) => {
      const durations = graph.tasks.map(({ estimateS }) => estimateS ?? 0);
      const { p50, p90 } = forecast(graph, { ...SURE, workers, draw: seededDraw(seed) });
      const total = durations.reduce((sum, one) => sum + one, 0);
      expect(p90).toBeLessThanOrEqual(p50 * 1.02);
      expect(p50 * 1.02).toBeGreaterThanOrEqual(criticalPath(graph, durations).duration);
      expect(p50 * 1.02).toBeGreaterThanOrEqual(total / workers);
      expect(p50).toBeLessThanOrEqual(total * 1.02);
      if (workers === 1) expect(Math.abs(p50 - total)).toBeLessThanOrEqual(total * 0.02);
      const few = { ...SURE, seen: [7], workers };
      const ask = () => forecast(graph, { ...few, draw: seededDraw(seed) });
      // One attempt tells little: what is likely is wide.
      if (total > 0) expect(ask().p90).toBeGreaterThan(ask().p50 * 1.5);
      expect(ask()).toEqual(ask());
    }),
    { numRuns: 30 },
  );
});

test("a forecast spreads as the attempts did, and waits for the clock", () => {
  const one = openGraph([open(0)], []);
  const seen = Array.from({ length: 500 }, (_, i) => (i % 10 < 8 ? 10 : 40));
  const drawn = forecast(one, { ...SURE, seen, workers: 1, draw: seededDraw(1) });
  expect(drawn.p50).toBeCloseTo(10, -1);
  expect(drawn.p90 / 40).toBeCloseTo(1, 0);
  const later = openGraph([{ ...open(0, 5), notBefore: 60_000 }], []);
  expect(forecast(later, { ...SURE, workers: 1, draw: seededDraw(1) }).p50).toBeCloseTo(65, 0);
});

test("quantiles are values that were there", () => {
  expect(median([])).toBeUndefined();
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2);
  expect(quantile([5], 0.9)).toBe(5);
  fc.assert(
    fc.property(
      fc.array(fc.nat(), { minLength: 1 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, share) => {
        const found = quantile(values, share) ?? Number.NaN;
        expect(values).toContain(found);
        expect(values.filter((value) => value <= found).length).toBeGreaterThanOrEqual(
          share * values.length - 1e-9,
        );
      },
    ),
  );
});
