import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Example,
  fitTrees,
  treesLogit,
} from "../../../../../servers/decision/domain/learning/boosted-trees.ts";
import { sigmoid } from "../../../../../servers/decision/domain/learning/logit.ts";
import { seededRandom } from "../../../../../servers/decision/domain/learning/seeded-random.ts";

/** Risky when exactly one of two inputs is high: no linear model can tell. */
function exclusiveOr(count: number): readonly Example[] {
  const random = seededRandom(11);
  return Array.from({ length: count }, (): Example => {
    const inputs = [random(), random(), random()];
    return { inputs, label: (inputs[0] ?? 0) > 0.5 !== (inputs[1] ?? 0) > 0.5 ? 1 : 0 };
  });
}

test("it learns what is not linear", () => {
  const forest = fitTrees(exclusiveOr(2_000), seededRandom(1));
  const at = (a: number, b: number): number => sigmoid(treesLogit(forest, [a, b, 0.5]));
  expect(Math.min(at(0.2, 0.8), at(0.8, 0.2))).toBeGreaterThan(0.65);
  expect(Math.max(at(0.2, 0.2), at(0.8, 0.8))).toBeLessThan(0.35);
});

test("the same seed gives the same forest, another seed another", () => {
  const examples = exclusiveOr(300);
  expect(fitTrees(examples, seededRandom(5))).toStrictEqual(fitTrees(examples, seededRandom(5)));
  expect(fitTrees(examples, seededRandom(5))).not.toStrictEqual(fitTrees(examples, seededRandom(6)));
});

test("with all rows drawn, their order does not matter", () => {
  const examples = exclusiveOr(200);
  const all = (): number => 0;
  const [there, back] = [fitTrees(examples, all), fitTrees(examples.toReversed(), all)];
  for (const { inputs } of examples)
    expect(treesLogit(back, inputs)).toBeCloseTo(treesLogit(there, inputs), 9);
});

test("a leaf has thirty rows at least: fifty-nine rows are never split", () => {
  const hasSplit = (rows: number): boolean =>
    fitTrees(exclusiveOr(rows), () => 0).thresholds.some((threshold) => threshold < 1);
  expect(hasSplit(59)).toBe(false);
  expect(hasSplit(400)).toBe(true);
});

test("constant inputs give the base rate", () => {
  const examples = Array.from({ length: 400 }, (_, i): Example => ({
    inputs: [3, 3],
    label: i % 4 === 0 ? 1 : 0,
  }));
  expect(
    sigmoid(
      treesLogit(
        fitTrees(examples, () => 0),
        [3, 3],
      ),
    ),
  ).toBeCloseTo(0.25, 2);
});

test("its probability lies inside (0, 1)", () => {
  const examples = fc.array(
    fc.record({
      inputs: fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 2 }),
      label: fc.constantFrom<0 | 1>(0, 1),
    }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(examples, fc.integer(), (rows, seed) => {
      const p = sigmoid(treesLogit(fitTrees(rows, seededRandom(seed)), rows[0]?.inputs ?? []));
      expect(p).toBeGreaterThan(0);
      expect(p).toBeLessThan(1);
    }),
    { numRuns: 30 },
  );
});
