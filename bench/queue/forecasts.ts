import { playThroughs, quantile } from "../../servers/tasks/domain/analysis/forecast.ts";
import { openGraph, type OpenTask } from "../../servers/tasks/domain/analysis/graph.ts";

const TASKS = 24;
const WORKERS = 3;
const FAILS = 0.15;

/** How long work takes, in seconds, in one of several worlds. */
export const SHAPES: Readonly<Record<string, (draw: () => number) => number>> = {
  // Skewed as real work is: a logarithm of the time that is nearly normal.
  skewed: (draw) => 100 * Math.exp(draw() + draw() + draw() + draw() + draw() + draw() - 3),
  memoryless: (draw) => -100 * Math.log(1 - draw()),
  even: (draw) => 50 + 100 * draw(),
  // One task of five takes ten times as long as the others.
  split: (draw) => (draw() < 0.2 ? 1_000 : 100) * (0.5 + draw()),
};

/** How many of so many outcomes ended before the forecast's p50 and p90. */
export interface Coverage {
  readonly inP50: number;
  readonly inP90: number;
}

/**
 * Lets a world make a history of attempts and then what really happens, and asks the forecast in between. Every trial
 * has a plan of its own. What happens is worked out apart from the forecast's own way.
 */
export function forecastCoverage(
  trials: number,
  attempts: number,
  timeOf: (draw: () => number) => number,
  draw: () => number,
): Coverage {
  let inP50 = 0;
  let inP90 = 0;
  for (let trial = 0; trial < trials; trial += 1) {
    const waitsFor = Array.from({ length: TASKS }, (_, place) =>
      place === 0
        ? []
        : [...new Set([0, 1].map(() => Math.floor(draw() * place)))].filter(() => draw() < 0.6),
    );
    const tasks = waitsFor.map((_, place) => openTask(place));
    const edges = waitsFor.flatMap((on, place) =>
      on.map((other) => ({ on: `t${other}`, task: `t${place}` })),
    );
    // Failures take half as long. At least one attempt was completed, else nothing is forecast.
    const history = Array.from({ length: attempts }, (_, at) => ({
      seconds: timeOf(draw),
      fails: at > 0 && draw() < FAILS,
    }));
    const seen = history.filter(({ fails }) => !fails).map(({ seconds }) => seconds);
    const wasted = history.filter(({ fails }) => fails).map(({ seconds }) => seconds / 2);
    const [ends = []] = playThroughs(
      openGraph(tasks, edges),
      { seen, wasted, workers: WORKERS, now: 0, draw },
      [tasks.map((_, place) => place)],
    );
    const end = outcome(waitsFor, timeOf, draw);
    if (end <= (quantile(ends, 0.5) ?? 0)) inP50 += 1;
    if (end <= (quantile(ends, 0.9) ?? 0)) inP90 += 1;
  }
  return { inP50, inP90 };
}

function openTask(place: number): OpenTask {
  return {
    id: `t${place}`,
    title: "t",
    status: "ready",
    rank: place,
    milestone: null,
    estimateS: null,
    notBefore: null,
  };
}

/** From end to end, who is free takes the first that can be begun. */
function outcome(
  waitsFor: readonly (readonly number[])[],
  timeOf: (draw: () => number) => number,
  draw: () => number,
): number {
  const takes = waitsFor.map(() => {
    let seconds = timeOf(draw);
    while (draw() < FAILS) seconds += timeOf(draw) / 2;
    return seconds;
  });
  const endOf = new Map<number, number>();
  for (let at = 0; ;) {
    const over = (place: number): boolean => (endOf.get(place) ?? Number.POSITIVE_INFINITY) <= at;
    const running = [...endOf.values()].filter((end) => end > at);
    waitsFor.forEach((on, place) => {
      if (running.length >= WORKERS || endOf.has(place) || !on.every(over)) return;
      const end = at + (takes[place] ?? 0);
      endOf.set(place, end);
      running.push(end);
    });
    if (running.length === 0) return at;
    at = Math.min(...running);
  }
}
