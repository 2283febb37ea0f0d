import type { Scored } from "./learning/scoring.ts";

/** What a risk budget allows: to go on alone up to `cut`, on the evidence it rests on. */
export interface Allowance {
  /** The highest forecast that may go on alone. */
  readonly cut: number;
  /** Past changes at or below the cut, and how many of them were defective. */
  readonly changes: number;
  readonly defects: number;
  /** With 95 % confidence the rate of defects below the cut is at most this. */
  readonly upperBound: number;
}

/** Past changes up to a forecast, and how many of them were defective. */
interface Cut {
  readonly p: number;
  readonly changes: number;
  readonly defects: number;
}

/** How defects lie along the forecasts: one cut for each twentieth of the changes, the last one holds all. */
export interface RiskCurve {
  readonly cuts: readonly Cut[];
}

/** What went on alone and has an outcome. */
export interface WentAlone {
  readonly changes: number;
  readonly bad: number;
}

/** How many cuts there are: a twentieth of the past changes each. */
const CUTS = 20;
/** Where the search starts, as cuts; the error is shared out between them. */
const STARTS = [2, 5, 8, 11];
const ERROR = 0.05;
const LEAST_CHANGES = 50;

/**
 * The largest share of changes that may go on alone, so that the rate of defects among them is at most `budget`
 * (above 0, below 1) with 95 % confidence. Null where the past does not show that for any: abstain.
 *
 * From each of four starts (10, 25, 40 and 55 % of the changes, the safest first) cuts are tried upwards by the exact
 * binomial test of "the rate is above the budget", until the first that is not shown to be inside. The order is fixed
 * and a quarter of the error is spent from every start, so that it is at most 5 % for the whole search; taking the
 * longest of all passing prefixes, as is common, spends it again and again.
 *
 * The bound holds for changes like those of the past; `past` has to hold labels that are mature only.
 *
 * Source: Clopper and Pearson, Biometrika 26(4), 1934 (the test); Angelopoulos, Bates, Candes, Jordan and Lei, Learn
 * then Test, arXiv 2110.01052, section 2.2 (fixed sequences with several starts).
 *
 * @throws {RangeError} for a budget outside its range.
 */
export function allowanceOf(past: readonly Scored[], budget: number): Allowance | null {
  return allowanceFrom(curveOf(past), budget);
}

/** The same from what a curve keeps of the past. @throws {RangeError} for a budget outside its range. */
export function allowanceFrom({ cuts }: RiskCurve, budget: number): Allowance | null {
  if (!(budget > 0 && budget < 1)) throw new RangeError("a budget lies above 0 and below 1");
  let longest: Cut | undefined;
  for (const start of STARTS) {
    for (const cut of cuts.slice(start - 1)) {
      if (cut.changes < LEAST_CHANGES) break;
      if (atMost(cut.defects, cut.changes, budget) > ERROR / STARTS.length) break;
      if (cut.changes > (longest?.changes ?? 0)) longest = cut;
    }
  }
  if (longest === undefined) return null;
  const { p, changes, defects } = longest;
  return { cut: p, changes, defects, upperBound: upperBoundOf(defects, changes) };
}

/** Reads the past at twenty cuts: all that any budget asks of it. */
export function curveOf(past: readonly Scored[]): RiskCurve {
  const sorted = past.toSorted((a, b) => a.p - b.p);
  const defectsUpTo = [0];
  for (const { label } of sorted) defectsUpTo.push((defectsUpTo.at(-1) ?? 0) + label);
  return {
    cuts: Array.from({ length: CUTS }, (_, step) => {
      const changes = withTies(sorted, Math.floor(((step + 1) * sorted.length) / CUTS));
      return { p: sorted[changes - 1]?.p ?? 0, changes, defects: defectsUpTo[changes] ?? 0 };
    }),
  };
}

/**
 * Whether what went on alone ended badly more often than a budget allows: when as many bad ends, or more, would have a
 * probability of at most 5 % at the budget's rate. One look at a time: many looks find it used up a little too early.
 */
export function isUsedUp({ changes, bad }: WentAlone, budget: number): boolean {
  return bad > 0 && 1 - atMost(bad - 1, changes, budget) <= ERROR;
}

/** Changes of one forecast are on one side of a cut. */
function withTies(sorted: readonly Scored[], count: number): number {
  let end = count;
  while (end > 0 && end < sorted.length && sorted[end]?.p === sorted[end - 1]?.p) end += 1;
  return end;
}

/** The rate that is not exceeded with 95 % confidence, after `defects` of `changes`. Source: Clopper and Pearson 1934. */
export function upperBoundOf(defects: number, changes: number): number {
  if (defects >= changes) return 1;
  let [low, high] = [defects / changes, 1];
  for (let round = 0; round < 40; round += 1) {
    const middle = (low + high) / 2;
    if (atMost(defects, changes, middle) > ERROR) low = middle;
    else high = middle;
  }
  return high;
}

/** P(X <= defects) for a binomial of `changes` draws at `rate`, summed from the largest term downwards. */
function atMost(defects: number, changes: number, rate: number): number {
  if (rate <= 0) return 1;
  if (rate >= 1) return defects >= changes ? 1 : 0;
  if (defects >= changes) return 1;
  let term = Math.exp(
    logChoose(changes, defects) + defects * Math.log(rate) + (changes - defects) * Math.log1p(-rate),
  );
  // Above the mean the far tail is the smaller one; a term that underflows there leaves the whole.
  let total = term;
  for (let k = defects; k > 0 && term > total * 1e-17; k -= 1) {
    term *= (k / (changes - k + 1)) * ((1 - rate) / rate);
    total += term;
  }
  return defects > changes * rate && total < ERROR ? 1 : Math.min(1, total);
}

function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}

/** Source: Stirling's series for the logarithm of the gamma function, Abramowitz and Stegun 6.1.41, after shifting up. */
function logGamma(x: number): number {
  let [shift, at] = [0, x];
  for (; at < 10; at += 1) shift += Math.log(at);
  const square = at * at;
  return (
    (at - 0.5) * Math.log(at) -
    at +
    Math.log(2 * Math.PI) / 2 +
    1 / (12 * at) -
    1 / (360 * at * square) +
    1 / (1260 * at * square * square) -
    shift
  );
}
