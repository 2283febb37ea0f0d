import fc from "fast-check";
import { expect, test } from "vitest";
import { churnFormula } from "../../../../../servers/decision/domain/learning/churn-formula.ts";
import { reportOf } from "../../../../../servers/decision/domain/learning/backtest-report.ts";
import {
  type ChangeMetrics,
  FEATURES,
  featuresOf,
} from "../../../../../servers/decision/domain/learning/features.ts";
import { inOrder, type PastChange, replay } from "../../../../../servers/decision/domain/learning/replay.ts";
import { seededRandom } from "../../../../../servers/decision/domain/learning/seeded-random.ts";

const DAY_S = 86_400;
const NOTHING: ChangeMetrics = {
  ns: null,
  nd: null,
  nf: null,
  entropy: null,
  la: null,
  ld: null,
  lt: null,
  fix: null,
  ndev: null,
  age: null,
  nuc: null,
  exp: null,
  rexp: null,
  sexp: null,
};

/** Changes a few hours apart, many of them in the same second; large ones are mostly defective. */
function history(count: number): readonly PastChange[] {
  const random = seededRandom(2);
  let at = 0;
  return Array.from({ length: count }, (_, row): PastChange => {
    if (random() < 0.8) at += Math.floor(random() * DAY_S);
    const la = Math.floor(random() * 100);
    return { row, at, metrics: { ...NOTHING, la, nf: 1 + (row % 3) }, label: random() < la / 100 ? 1 : 0 };
  });
}

const predictionsOf = (changes: readonly PastChange[], delay: number): readonly number[] =>
  [...replay(changes, delay)].map(({ prediction }) => prediction.p);

test.each([0, 30])("a delay of %i days: no prediction depends on a label that is not out yet", (delay) => {
  // Past 500 labels forests and their weights are in it too.
  const changes = history(640);
  const before = predictionsOf(changes, delay);
  for (const cut of [10, 620]) {
    const out = (changes[cut]?.at ?? 0) - delay * DAY_S;
    // Every label that is not out when change `cut` is predicted is turned round.
    const turned = changes.map((change): PastChange => {
      const isOut = change.row < cut && change.at <= out;
      return isOut ? change : { ...change, label: change.label === 1 ? 0 : 1 };
    });
    const after = predictionsOf(turned, delay);
    expect(after.slice(0, cut + 1)).toEqual(before.slice(0, cut + 1));
    expect(after.slice(cut + 1)).not.toEqual(before.slice(cut + 1));
  }
});

test("labels that are out do matter, forests included", () => {
  const changes = history(640);
  const turned = changes.map((change): PastChange =>
    change.row === 3 ? { ...change, label: change.label === 1 ? 0 : 1 } : change,
  );
  const [plain, other] = [[...replay(changes, 30)], [...replay(turned, 30)]];
  expect(other.at(-1)?.prediction.logistic.p).not.toBe(plain.at(-1)?.prediction.logistic.p);
  expect(other.at(-1)?.prediction.trees).not.toBe(plain.at(-1)?.prediction.trees);
  expect(plain.at(-1)?.prediction.trees).not.toBeNull();
});

test("the order of time rules, not that of the list; the same second keeps the file's order", () => {
  const changes = history(120);
  expect(inOrder(changes.toReversed())).toEqual(changes);
  expect(predictionsOf(changes.toReversed(), 5)).toEqual(predictionsOf(changes, 5));
});

test("with labels that never come out it says one of four, then the prior's mean", () => {
  const replayed = [...replay(history(40), 36_500)];
  expect(replayed.slice(0, 4).map(({ prediction }) => prediction.p)).toEqual([
    expect.closeTo(0.25, 9),
    expect.closeTo(0.25, 9),
    expect.closeTo(0.25, 9),
    expect.closeTo(0.25, 9),
  ]);
  expect(new Set(replayed.map(({ baseRate }) => baseRate))).toEqual(new Set([0.25]));
});

test("it learns that large changes are risky, and the report says so", () => {
  const report = reportOf([...replay(history(900), 30)], 30);
  expect(report).toMatchObject({ rows: 900, scored: 450 });
  expect(report.models.model.auc).toBeGreaterThan(0.75);
  expect(report.models.model.brier).toBeLessThan(report.models.base_rate.brier ?? 0);
  expect(report.models.lines_added).toMatchObject({ brier: null, ece: null });
});

test("sixteen features; an unknown metric makes exactly those unknown that need it", () => {
  const known: ChangeMetrics = {
    ns: 1,
    nd: 2,
    nf: 4,
    entropy: 1.5,
    la: 10,
    ld: 5,
    lt: 400,
    fix: 1,
    ndev: 3,
    age: 7.5,
    nuc: 9,
    exp: 11,
    rexp: 2.5,
    sexp: 6,
  };
  const features = new Map(FEATURES.map((name, i) => [name, featuresOf(known)[i]]));
  expect(features.size).toBe(16);
  expect(features.get("la")).toBeCloseTo(Math.log(11), 12);
  expect(features.get("churn")).toBeCloseTo(Math.log(16), 12);
  expect(features.get("lt_per_file")).toBeCloseTo(Math.log(101), 12);
  expect([features.get("entropy"), features.get("fix")]).toEqual([1.5, 1]);
  const without = (name: keyof ChangeMetrics): readonly string[] =>
    FEATURES.filter((_, i) => featuresOf({ ...known, [name]: null })[i] === null);
  expect(without("la")).toEqual(["la", "churn"]);
  expect(without("nf")).toEqual(["nf", "lt_per_file"]);
  expect(without("entropy")).toEqual(["entropy"]);
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("a metric of %s is refused", (la) => {
  expect(() => featuresOf({ ...NOTHING, la })).toThrow(RangeError);
});

test("the fixed formula by hand, and with unknowns renormalised", () => {
  const metrics = { ...NOTHING, la: 150, ld: 50, nd: 4, nuc: 50, ndev: 5, nf: 5 };
  expect(churnFormula(metrics)).toBeCloseTo(0.5, 12);
  expect(churnFormula({ ...NOTHING, nd: 1, nf: 15 })).toBeCloseTo((0.15 * 0.75) / 0.35, 12);
  expect(churnFormula(NOTHING)).toBe(0.5);
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(), (la, nd, nf) => {
      const p = churnFormula({ ...NOTHING, la, ld: 0, nd, nf });
      expect(p).toBeGreaterThanOrEqual(0);
      expect(p).toBeLessThan(1);
    }),
  );
});
