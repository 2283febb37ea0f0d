import { expect, test } from "vitest";
import { type Lesson, livingModel } from "../../../../../servers/decision/domain/learning/living-model.ts";
import { seededRandom } from "../../../../../servers/decision/domain/learning/seeded-random.ts";
import { succession } from "../../../../../servers/decision/domain/learning/succession.ts";
import type { ChangeMetrics } from "../../../../../servers/decision/domain/learning/features.ts";

const DAY_MS = 86_400_000;
const metricsOf = (la: number, nf = 2): ChangeMetrics => ({
  ns: 1,
  nd: 1,
  nf,
  entropy: 0.5,
  la,
  ld: 3,
  lt: 200,
  fix: 0,
  ndev: 2,
  age: 4,
  nuc: 10,
  exp: 50,
  rexp: 12,
  sexp: 30,
});

/** Small changes go well, large ones mostly do not; labels come late. */
function lessons(count: number): readonly Lesson[] {
  const random = seededRandom(8);
  return Array.from({ length: count }, (_, i) => {
    const la = Math.floor(random() * 400);
    const label = random() < (la / 400) ** 2 ? 1 : 0;
    const at = i * DAY_MS;
    return { id: `l${i}`, at, due: at + (label === 1 ? 5 : 90) * DAY_MS, metrics: metricsOf(la), label };
  });
}

test("the formula is in force until the labels speak for another", () => {
  const young = livingModel(lessons(20));
  expect(young.name).toBe("weighted_formula");
  expect(young.judge(metricsOf(10))).toBeNull();
});

test("a model that learned ranks by what went wrong; start and parts add up to its probability", () => {
  const model = livingModel(lessons(400));
  expect(model.name).toBe("online_logistic");
  expect(model.promotions.at(-1)?.evidence).toBeGreaterThan(Math.log(40));
  const [small, large] = [model.judge(metricsOf(5)), model.judge(metricsOf(390))];
  expect(small?.p).toBeLessThan(0.2);
  expect(large?.p).toBeGreaterThan(0.5);
  for (const risk of [small, large]) {
    const sum = Object.values(risk?.parts ?? {}).reduce((total, part) => total + part, risk?.start ?? 0);
    expect(sum).toBeCloseTo(risk?.p ?? -1, 12);
    expect(risk?.interval[0]).toBeLessThanOrEqual(risk?.p ?? -1);
    expect(risk?.interval[1]).toBeGreaterThanOrEqual(risk?.p ?? 2);
  }
});

test("the order of the lessons does not matter, and asking changes nothing", () => {
  const there = livingModel(lessons(200));
  const back = livingModel(lessons(200).toReversed());
  const first = there.judge(metricsOf(100));
  expect(back.judge(metricsOf(100))).toEqual(first);
  there.judge(metricsOf(1));
  expect(there.judge(metricsOf(100))).toEqual(first);
});

test("chance promotes nothing: the champion's own forecasts come true", () => {
  let promoted = 0;
  for (let seed = 0; seed < 60; seed += 1) {
    const random = seededRandom(seed);
    const line = succession();
    for (let i = 0; i < 300; i += 1) {
      const p = 0.1 + 0.8 * random();
      const other = Math.min(0.95, Math.max(0.05, p + 0.3 * (random() - 0.5)));
      const forecasts = { weighted_formula: p, online_logistic: other, blend: null };
      if (line.learn(forecasts, random() < p ? 1 : 0) === null) continue;
      promoted += 1;
      break;
    }
  }
  expect(promoted).toBeLessThanOrEqual(3);
});

test("what is better by far is promoted, and what turns bad is followed by the formula again", () => {
  const line = succession();
  const round = (good: number, bad: number): void => {
    for (let i = 0; i < 100; i += 1) {
      const label = i % 2 === 0 ? 1 : 0;
      const at = (skill: number): number => (label === 1 ? skill : 1 - skill);
      line.learn({ weighted_formula: at(bad), online_logistic: at(good), blend: null }, label);
    }
  };
  round(0.9, 0.5);
  expect(line.champion()).toBe("online_logistic");
  round(0.1, 0.5);
  expect(line.champion()).toBe("weighted_formula");
});
