import { expect, test } from "vitest";
import { playThroughs, quantile, seededDraw } from "../../../../../servers/tasks/domain/analysis/forecast.ts";
import { openGraph, type OpenTask } from "../../../../../servers/tasks/domain/analysis/graph.ts";
import { heap } from "../../../../../servers/tasks/domain/analysis/heap.ts";

const TRIALS = 150;
const TASKS = 24;
const WORKERS = 3;
const FAILS = 0.15;

/** Skewed as real work is: a logarithm of the time that is nearly normal. */
function timeOf(draw: () => number): number {
  const bell = draw() + draw() + draw() + draw() + draw() + draw() - 3;
  return 100 * Math.exp(bell);
}

/** What really happens, worked out the slow way: second by second, who is free takes the first that can be begun. */
function outcome(waitsFor: readonly (readonly number[])[], draw: () => number): number {
  const left = waitsFor.map(() => {
    let seconds = timeOf(draw);
    while (draw() < FAILS) seconds += timeOf(draw) / 2;
    return Math.ceil(seconds);
  });
  const running = new Set<number>();
  for (let second = 0; ; second += 1) {
    for (const place of running) {
      left[place] = (left[place] ?? 0) - 1;
      if (left[place] === 0) running.delete(place);
    }
    if (left.every((seconds) => seconds === 0)) return second;
    waitsFor.forEach((on, place) => {
      const isOpen = left[place] !== 0 && !running.has(place) && on.every((other) => left[other] === 0);
      if (isOpen && running.size < WORKERS) running.add(place);
    });
  }
}

test("nine of ten outcomes end before the forecast's p90, five of ten before its p50", () => {
  const draw = seededDraw(20_261_128);
  let inP90 = 0;
  let inP50 = 0;
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const tasks = Array.from({ length: TASKS }, (_, place): OpenTask => ({
      id: `t${place}`,
      title: "t",
      status: "ready",
      rank: place,
      milestone: null,
      estimateS: null,
      notBefore: null,
    }));
    const waitsFor = tasks.map((_, place) =>
      place === 0
        ? []
        : [...new Set([0, 1].map(() => Math.floor(draw() * place)))].filter(() => draw() < 0.6),
    );
    const edges = waitsFor.flatMap((on, place) =>
      on.map((other) => ({ on: `t${other}`, task: `t${place}` })),
    );
    // The store has seen some attempts of the same kind, and of its failures, which took half as long.
    const attempts = Array.from({ length: 300 }, () => ({ seconds: timeOf(draw), fails: draw() < FAILS }));
    const seen = attempts.filter(({ fails }) => !fails).map(({ seconds }) => seconds);
    const wasted = attempts.filter(({ fails }) => fails).map(({ seconds }) => seconds / 2);
    const [ends = []] = playThroughs(
      openGraph(tasks, edges),
      { seen, wasted, workers: WORKERS, now: 0, draw },
      [tasks.map((_, place) => place)],
    );
    const end = outcome(waitsFor, draw);
    if (end <= (quantile(ends, 0.9) ?? 0)) inP90 += 1;
    if (end <= (quantile(ends, 0.5) ?? 0)) inP50 += 1;
  }
  expect(inP90 / TRIALS).toBeGreaterThan(0.84);
  expect(inP90 / TRIALS).toBeLessThan(0.96);
  expect(inP50 / TRIALS).toBeGreaterThan(0.4);
  expect(inP50 / TRIALS).toBeLessThan(0.6);
}, 60_000);

test("a heap gives out in order what was put in between", () => {
  const draw = seededDraw(7);
  const queue = heap<number>((a, b) => a < b);
  const kept: number[] = [];
  for (let i = 0; i < 2_000; i += 1) {
    if (draw() < 0.6) {
      const value = Math.floor(draw() * 50);
      queue.push(value);
      kept.push(value);
      kept.sort((a, b) => a - b);
    } else expect(queue.pop()).toBe(kept.shift());
    expect(queue.size()).toBe(kept.length);
  }
});
