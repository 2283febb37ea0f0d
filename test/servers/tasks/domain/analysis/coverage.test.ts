import { expect, test } from "vitest";
import { forecastCoverage, SHAPES } from "../../../../../bench/queue/forecasts.ts";
import { seededDraw } from "../../../../../servers/tasks/domain/analysis/forecast.ts";
import { heap } from "../../../../../servers/tasks/domain/analysis/heap.ts";

test("after ten attempts, nine of ten outcomes end before the forecast's p90 and five of ten before its p50", () => {
  const trials = 100;
  const { inP50, inP90 } = forecastCoverage(
    trials,
    10,
    SHAPES["skewed"] ?? (() => 0),
    seededDraw(20_261_128),
  );
  expect(inP90 / trials).toBeGreaterThan(0.84);
  expect(inP90 / trials).toBeLessThan(0.96);
  expect(inP50 / trials).toBeGreaterThan(0.38);
  expect(inP50 / trials).toBeLessThan(0.62);
});

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
