import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Inputs,
  onlineLogistic,
} from "../../../../../servers/decision/domain/learning/online-logistic.ts";
import { seededRandom } from "../../../../../servers/decision/domain/learning/seeded-random.ts";

const SIZE = 3;
const PRIOR_TRACE = SIZE * 0.06 + 4;
const inputs = fc.array(
  fc.oneof(
    fc.double({ min: -1e9, max: 1e9, noNaN: true }),
    fc.constant(null),
    fc.integer({ min: 0, max: 3 }),
  ),
  { minLength: SIZE, maxLength: SIZE },
);
const history = fc.array(fc.record({ x: inputs, label: fc.constantFrom<0 | 1>(0, 1) }), { maxLength: 80 });

type Model = ReturnType<typeof onlineLogistic>;

function taught(rows: readonly { readonly x: Inputs; readonly label: 0 | 1 }[]): Model {
  const model = onlineLogistic(SIZE);
  for (const { x, label } of rows) {
    model.observe(x);
    model.learn(x, label);
  }
  return model;
}

function traceOf(model: Model): number {
  const { covariance } = model.state();
  return Array.from({ length: SIZE + 1 }, (_, i) => covariance[i * (SIZE + 2)] ?? Number.NaN).reduce(
    (total, variance) => total + variance,
    0,
  );
}

test("whatever it has been taught, p lies inside (0, 1) and inside its interval", () => {
  fc.assert(
    fc.property(history, inputs, (rows, x) => {
      const { p, interval } = taught(rows).predict(x);
      expect(p).toBeGreaterThan(0);
      expect(p).toBeLessThan(1);
      expect(interval[0]).toBeLessThanOrEqual(p);
      expect(interval[1]).toBeGreaterThanOrEqual(p);
    }),
  );
});

test("the covariance stays symmetric, with positive variances that never exceed the prior's", () => {
  fc.assert(
    fc.property(history, (rows) => {
      const { covariance } = taught(rows).state();
      const width = SIZE + 1;
      for (let i = 0; i < width; i += 1) {
        expect(covariance[i * width + i]).toBeGreaterThan(0);
        expect(covariance[i * width + i]).toBeLessThanOrEqual(i === SIZE ? 4 : 0.06);
        for (let j = 0; j < i; j += 1) expect(covariance[i * width + j]).toBe(covariance[j * width + i]);
      }
    }),
  );
});

test.each<[name: string, x: Inputs]>([
  ["constant", [1, 0, 7]],
  ["unknown", [null, null, null]],
])("inputs that are %s for 10,000 changes: p is the base rate, the trace capped", (_name, x) => {
  const model = onlineLogistic(SIZE);
  for (let i = 0; i < 10_000; i += 1) {
    model.observe(x);
    model.learn(x, i % 5 === 0 ? 1 : 0);
    if (i % 1_000 === 0) expect(traceOf(model)).toBeLessThanOrEqual(PRIOR_TRACE);
  }
  expect(traceOf(model)).toBeLessThanOrEqual(PRIOR_TRACE);
  expect(model.predict(x).p).toBeCloseTo(0.2, 1);
});

test("before five changes are seen it says one of four, whatever it has learned", () => {
  const model = onlineLogistic(SIZE);
  for (let i = 0; i < 4; i += 1) {
    model.observe([i, i, i]);
    model.learn([i, i, i], 1);
    expect(model.predict([i, i, i]).p).toBe(0.25);
  }
  model.observe([4, 4, 4]);
  expect(model.predict([4, 4, 4]).p).toBeGreaterThan(0.25);
});

test("it finds the weights that made the labels", () => {
  const random = seededRandom(7);
  const model = onlineLogistic(SIZE);
  const spread = (): number => (random() - 0.5) * Math.sqrt(12);
  for (let i = 0; i < 20_000; i += 1) {
    const x = [spread(), spread(), spread()];
    const z = -1 + 1.5 * (x[0] ?? 0) - 0.5 * (x[1] ?? 0);
    model.observe(x);
    model.learn(x, random() < 1 / (1 + Math.exp(-z)) ? 1 : 0);
  }
  const [first = 0, second = 0, third = 0, intercept = 0] = model.state().weights;
  // Within four standard errors of about 2,000 remembered labels.
  expect(Math.abs(first - 1.5)).toBeLessThan(0.35);
  expect(Math.abs(second + 0.5)).toBeLessThan(0.3);
  expect(Math.abs(third)).toBeLessThan(0.3);
  expect(Math.abs(intercept + 1)).toBeLessThan(0.3);
});

test("it forgets: after the world turns round, it follows", () => {
  const model = onlineLogistic(1);
  const random = seededRandom(3);
  const teach = (risky: 0 | 1): void => {
    for (let i = 0; i < 6_000; i += 1) {
      const x = [random() < 0.5 ? 0 : 1];
      model.observe(x);
      model.learn(x, x[0] === risky ? 1 : 0);
    }
  };
  teach(1);
  expect(model.predict([1]).p).toBeGreaterThan(0.9);
  teach(0);
  expect(model.predict([1]).p).toBeLessThan(0.1);
});

test("an unknown value counts as the mean of those seen, not as zero", () => {
  const model = taught(
    Array.from({ length: 200 }, (_, i) => ({ x: [i % 10, 5, 5], label: i % 10 > 6 ? 1 : 0 })),
  );
  expect(model.predict([null, 5, 5]).p).toBe(model.predict([4.5, 5, 5]).p);
  expect(model.predict([null, 5, 5]).p).toBeGreaterThan(model.predict([0, 5, 5]).p);
});

test("a label of importance two moves more than one of importance one", () => {
  const after = (importance: number): number => {
    const model = taught(Array.from({ length: 20 }, (_, i) => ({ x: [i, 0, 0], label: 0 })));
    model.learn([3, 0, 0], 1, importance);
    return model.predict([3, 0, 0]).p;
  };
  expect(after(2)).toBeGreaterThan(after(1));
});

test.each<[name: string, act: (model: Model) => unknown]>([
  ["a NaN to learn", (model) => model.learn([Number.NaN, 0, 0], 1)],
  ["an infinity to observe", (model) => model.observe([Number.POSITIVE_INFINITY, 0, 0])],
  ["an infinity to predict", (model) => model.predict([0, Number.NEGATIVE_INFINITY, 0])],
  ["too few inputs", (model) => model.learn([0, 0], 1)],
  ["no importance", (model) => model.learn([0, 0, 0], 1, 0)],
  ["endless importance", (model) => model.learn([0, 0, 0], 1, Number.POSITIVE_INFINITY)],
])("%s is refused and changes nothing", (_name, act) => {
  const model = taught([{ x: [1, 2, 3], label: 1 }]);
  const before = JSON.stringify(model.state());
  expect(() => act(model)).toThrow(RangeError);
  expect(JSON.stringify(model.state())).toBe(before);
});

test("a copy of its state predicts, and goes on learning, the same to the last bit", () => {
  fc.assert(
    fc.property(history, history, inputs, (rows, later, x) => {
      const model = taught(rows);
      const copy = onlineLogistic(SIZE, { from: model.state() });
      expect(copy.predict(x)).toStrictEqual(model.predict(x));
      for (const { x: next, label } of later) {
        for (const either of [model, copy]) {
          either.observe(next);
          either.learn(next, label);
        }
      }
      expect(copy.predict(x)).toStrictEqual(model.predict(x));
    }),
  );
});
