import fc from "fast-check";
import { expect, test } from "vitest";
import { ensemble } from "../../../../../servers/decision/domain/learning/ensemble.ts";
import { logLossOf } from "../../../../../servers/decision/domain/learning/logit.ts";

const probability = fc.double({ min: 0.001, max: 0.999, noNaN: true });

test("before it has learned it stands in the middle, and it never leaves the members", () => {
  fc.assert(
    fc.property(probability, probability, (first, second) => {
      const p = ensemble().blend(first, second);
      expect(ensemble().weight()).toBeCloseTo(0.5, 12);
      expect(p).toBeGreaterThanOrEqual(Math.min(first, second) - 1e-12);
      expect(p).toBeLessThanOrEqual(Math.max(first, second) + 1e-12);
    }),
  );
});

test("members that agree are believed", () => {
  expect(ensemble().blend(0.3, 0.3)).toBeCloseTo(0.3, 12);
});

test("a member that does badly loses its say, whichever it is", () => {
  const [good, bad] = [ensemble(), ensemble()];
  for (let i = 0; i < 200; i += 1) {
    const label = i % 2 === 0 ? 1 : 0;
    good.learn(label === 1 ? 0.8 : 0.2, 0.5, label);
    bad.learn(0.5, label === 1 ? 0.8 : 0.2, label);
  }
  expect(good.weight()).toBeGreaterThan(0.9);
  expect(bad.weight()).toBeLessThan(0.1);
});

test("its log-loss is at most ln 11 above that of either member", () => {
  const rounds = fc.array(fc.tuple(probability, probability, fc.constantFrom<0 | 1>(0, 1)), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(rounds, (rows) => {
      const blender = ensemble();
      const [total, first, second] = [[0], [0], [0]];
      for (const [a, b, label] of rows) {
        total.push(logLossOf(blender.blend(a, b), label));
        first.push(logLossOf(a, label));
        second.push(logLossOf(b, label));
        blender.learn(a, b, label);
      }
      const sum = (losses: readonly number[]): number => losses.reduce((all, loss) => all + loss, 0);
      expect(sum(total)).toBeLessThanOrEqual(Math.min(sum(first), sum(second)) + Math.log(11) + 1e-9);
    }),
  );
});
