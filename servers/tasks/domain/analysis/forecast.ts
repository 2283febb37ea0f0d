import { MOST } from "../budget.ts";
import type { OpenGraph } from "./graph.ts";
import { playThrough } from "./play.ts";

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
  return tasks.map(({ estimateS }) => Math.min(estimateS ?? usual, MOST.wall_s));
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
  /** Seconds that attempts took which were completed. */
  readonly seen: readonly number[];
  /** Seconds that attempts took which failed or vanished: as often, and as long, work is done in vain. */
  readonly wasted: readonly number[];
  /** Agents that work at the same time; at least 1. */
  readonly workers: number;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly draw: () => number;
}

/** Steps of one forecast in all, and the fewest and most runs they are spent on. */
const STEPS = 4_000_000;
const FEWEST_RUNS = 40;
const MOST_RUNS = 500;
/** With so many tasks chance evens out, and each run takes long. */
const MANY = 20_000;
const FEWEST_OF_MANY = 10;
/** So often a task is played as failing before it succeeds for good. */
const MOST_FAILURES = 10;

/** How long the remaining work may take, by playing it through many times; `basis.seen` must not be empty. */
export function forecast(
  graph: OpenGraph,
  basis: ForecastBasis,
): { readonly p50: number; readonly p90: number } {
  const everything = graph.tasks.map((_, place) => place);
  const [ends = []] = playThroughs(graph, basis, [everything]);
  return { p50: quantile(ends, 0.5) ?? 0, p90: quantile(ends, 0.9) ?? 0 };
}

/**
 * When the last of each group of places ends, in seconds from now, in each of many simulations. An attempt takes its
 * expected time, spread as this store's own attempts were spread around their median, and fails as often as they did;
 * how far either may be wrong for having seen so few attempts is drawn anew in each simulation.
 */
export function playThroughs(
  graph: OpenGraph,
  { seen, wasted, workers, now, draw }: ForecastBasis,
  groups: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  const expected = expectedDurations(graph, seen);
  const usual = median(seen) ?? 1;
  const inVain = wasted.length === 0 ? seen : wasted;
  const doubts = { seen: doubtOf(seen), inVain: doubtOf(inVain) };
  const oneOf = (times: readonly number[], place: number): number => {
    const drawn = times[Math.min(times.length - 1, Math.floor(draw() * times.length))] ?? usual;
    return usual === 0 ? Math.max(drawn, expected[place] ?? 0) : (drawn / usual) * (expected[place] ?? 0);
  };
  const edges = graph.waitsFor.reduce((sum, on) => sum + on.length, 0);
  const steps = Math.max(1, graph.tasks.length * Math.log2(graph.tasks.length + 2) + edges);
  const fewest = graph.tasks.length > MANY ? FEWEST_OF_MANY : FEWEST_RUNS;
  const runs = Math.min(MOST_RUNS, Math.max(fewest, Math.floor(STEPS / steps)));
  const ends = groups.map((): number[] => []);
  for (let run = 0; run < runs; run += 1) {
    const failsHowOften = drawnShare(wasted.length, seen.length, draw);
    const slower = {
      seen: Math.exp(doubts.seen * normal(draw)),
      inVain: Math.exp(doubts.inVain * normal(draw)),
    };
    const played = playThrough(graph, workers, now, (place) => {
      let total = 0;
      for (let i = 0; i < MOST_FAILURES && draw() < failsHowOften; i += 1)
        total += slower.inVain * oneOf(inVain, place);
      return total + slower.seen * oneOf(seen, place);
    });
    groups.forEach((group, at) =>
      ends[at]?.push(group.reduce((last, place) => Math.max(last, played[place] ?? 0), 0)),
    );
  }
  return ends;
}

/** What is taken for known before anything was seen: as if so many attempts had had this spread, as a logarithm. */
const PRIOR = { attempts: 3, spread: 0.8 };

/**
 * How far the mean of all such work may lie from the mean of these times: the standard deviation of its logarithm.
 * Source: Cox's method for the mean of a log-normal, X.-H. Zhou and S. Gao, "Confidence intervals for the log-normal
 * mean", Statistics in Medicine 16 (1997); the prior is ours.
 */
function doubtOf(times: readonly number[]): number {
  const logs = times.map((seconds) => Math.log(Math.max(seconds, 0.001)));
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
  const squares = logs.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const free = logs.length - 1 + PRIOR.attempts;
  const variance = (squares + PRIOR.attempts * PRIOR.spread ** 2) / free;
  return Math.sqrt(variance / logs.length + variance ** 2 / (2 * free));
}

/**
 * A share that would explain that `hits` of `hits + misses` were seen, drawn from Beta(hits + 1/2, misses + 1/2).
 * Source: Jeffreys' prior, L. D. Brown, T. T. Cai and A. DasGupta, "Interval estimation for a binomial proportion",
 * Statistical Science 16 (2001).
 */
function drawnShare(hits: number, misses: number, draw: () => number): number {
  const hit = chiSquare(2 * hits + 1, draw);
  return hit / (hit + chiSquare(2 * misses + 1, draw));
}

/** Source: E. B. Wilson and M. M. Hilferty, "The distribution of chi-square", PNAS 17 (1931). */
function chiSquare(freedom: number, draw: () => number): number {
  const part = 2 / (9 * freedom);
  return freedom * Math.max(0.001, 1 - part + normal(draw) * Math.sqrt(part)) ** 3;
}

/** Source: G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates", 1958. */
function normal(draw: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
}
