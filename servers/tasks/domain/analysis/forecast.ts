import type { OpenGraph } from "./graph.ts";

/** The middle of some numbers, or undefined where there are none. */
export function median(values: readonly number[]): number | undefined {
  return quantile(values, 0.5);
}

/** The smallest value that at least this share of all values does not exceed. */
export function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** What each open task is expected to take, in seconds: its estimate, else what such work took here, else 1. */
export function expectedDurations({ tasks }: OpenGraph, seen: readonly number[]): readonly number[] {
  const usual = median(seen) ?? 1;
  return tasks.map(({ estimateS }) => estimateS ?? usual);
}

/** Numbers from 0 up to 1 that are the same for the same seed. Source: Mulberry32, T. Ettinger, 2017. */
export function seededDraw(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface ForecastBasis {
  /** Seconds that finished attempts took; not empty. */
  readonly seen: readonly number[];
  /** Agents that work at the same time; at least 1. */
  readonly workers: number;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly draw: () => number;
}

/** Steps of one forecast in all, and the fewest and most runs they are spent on. */
const STEPS = 4_000_000;
const FEWEST_RUNS = 60;
const MOST_RUNS = 500;

/**
 * How long the remaining work may take, by playing it through many times. An attempt takes its expected time, spread
 * as this store's own attempts were spread around their median; every task succeeds at once. Free workers take tasks
 * in the graph's order, and nobody starts before a task's `notBefore`.
 */
export function forecast(
  graph: OpenGraph,
  { seen, workers, now, draw }: ForecastBasis,
): { readonly p50: number; readonly p90: number; readonly runs: number } {
  const expected = expectedDurations(graph, seen);
  const usual = median(seen) ?? 1;
  const edges = graph.waitsFor.reduce((sum, on) => sum + on.length, 0);
  const steps = Math.max(1, graph.tasks.length * workers + edges);
  const runs = Math.min(MOST_RUNS, Math.max(FEWEST_RUNS, Math.floor(STEPS / steps)));
  const ends = Array.from({ length: runs }, () =>
    playThrough(graph, workers, now, (place) => {
      const drawn = seen[Math.min(seen.length - 1, Math.floor(draw() * seen.length))] ?? usual;
      return usual === 0 ? Math.max(drawn, expected[place] ?? 0) : (drawn / usual) * (expected[place] ?? 0);
    }),
  );
  return { p50: quantile(ends, 0.5) ?? 0, p90: quantile(ends, 0.9) ?? 0, runs };
}

function playThrough(
  { tasks, waitsFor, order }: OpenGraph,
  workers: number,
  now: number,
  durationOf: (place: number) => number,
): number {
  const free = Array.from({ length: workers }, () => 0);
  const ends = tasks.map(() => 0);
  let last = 0;
  for (const place of order) {
    let worker = 0;
    for (let other = 1; other < workers; other += 1) {
      if ((free[other] ?? 0) < (free[worker] ?? 0)) worker = other;
    }
    const notBefore = tasks[place]?.notBefore ?? null;
    let start = Math.max(free[worker] ?? 0, notBefore === null ? 0 : (notBefore - now) / 1_000);
    for (const on of waitsFor[place] ?? []) start = Math.max(start, ends[on] ?? 0);
    const end = start + durationOf(place);
    ends[place] = end;
    free[worker] = end;
    last = Math.max(last, end);
  }
  return last;
}
