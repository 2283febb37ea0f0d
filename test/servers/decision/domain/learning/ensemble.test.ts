import fc from "fast-check";
import { expect, test } from "vitest";
import { ensemble } from "../../../../../servers/decision/domain/learning/ensemble.ts";

const probability = fc.double({ min: 0.001, max: 0.999, noNaN: true });
const label = fc.constantFrom<0 | 1>(0, 1);

test("whatever it has learned, it never leaves the members, and every one keeps a say", () => {
  const trio = fc.tuple(probability, probability, probability);
  fc.assert(
    fc.property(fc.array(fc.tuple(trio, label), { maxLength: 60 }), trio, (rounds, now) => {
      const blender = ensemble(3);
      for (const [forecasts, truth] of rounds) blender.learn(forecasts, truth);
      const p = blender.blend(now);
      expect(p).toBeGreaterThanOrEqual(Math.min(...now) - 1e-12);
      expect(p).toBeLessThanOrEqual(Math.max(...now) + 1e-12);
      expect(blender.weights().reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
      for (const share of blender.weights()) expect(share).toBeGreaterThanOrEqual(1 / 6 - 1e-12);
    }),
  );
});

test("before it has learned all have the same say", () => {
  expect(ensemble(4).weights()).toEqual([0.25, 0.25, 0.25, 0.25]);
});

test("a member without a forecast has no say, and no label counts that one of them did not see coming", () => {
  const blender = ensemble(2);
  blender.learn([0.9, null], 0);
  expect(blender.losses()).toEqual([0, 0]);
  expect(blender.blend([0.3, null])).toBeCloseTo(0.3, 12);
});

test("the better member ends with three quarters of the say of two, whichever it is", () => {
  for (const good of [0, 1]) {
    const blender = ensemble(2);
    for (let i = 0; i < 200; i += 1) {
      const truth = i % 2 === 0 ? 1 : 0;
      const right = truth === 1 ? 0.8 : 0.2;
      blender.learn(good === 0 ? [right, 0.5] : [0.5, right], truth);
    }
    expect(blender.weights()[good]).toBeCloseTo(0.75, 6);
  }
});

test("it goes on from the losses it had", () => {
  const first = ensemble(2);
  first.learn([0.9, 0.4], 1);
  expect(ensemble(2, first.losses()).weights()).toEqual(first.weights());
});
