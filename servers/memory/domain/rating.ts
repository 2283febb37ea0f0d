/** How often what a memory says worked, and did not; sums of weights. */
export interface Ratings {
  readonly success: number;
  readonly failure: number;
  /** How many ratings there were. */
  readonly count: number;
}

export type RatingStatus = "candidate" | "promoted" | "deprecated";

/** The mean of the rate of success after the ratings, from a flat prior: that of Beta(1 + success, 1 + failure). */
export function posteriorMean({ success, failure }: Ratings): number {
  return (1 + success) / (2 + success + failure);
}

const GOOD_RATE = 0.8;
const BAD_RATE = 0.4;
const CERTAINTY = 0.9;
const FEWEST_TO_DEPRECATE = 5;

/**
 * Promoted when the rate of success is above 0.8 with a probability above 0.9; deprecated when it is below 0.4 with a
 * probability above 0.9 and there are at least 5 ratings; else a candidate.
 */
export function statusOf({ success, failure, count }: Ratings): RatingStatus {
  const [a, b] = [1 + success, 1 + failure];
  if (1 - betaBelow(GOOD_RATE, a, b) > CERTAINTY) return "promoted";
  return count >= FEWEST_TO_DEPRECATE && betaBelow(BAD_RATE, a, b) > CERTAINTY ? "deprecated" : "candidate";
}

/**
 * The probability that a Beta(a, b) variable is below x, for 0 < x < 1 and a, b >= 1: the regularised incomplete beta
 * function.
 *
 * Source: NIST Digital Library of Mathematical Functions, continued fraction 8.17.22 and symmetry 8.17.4.
 */
export function betaBelow(x: number, a: number, b: number): number {
  // The fraction converges fast on this side of the mean only.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaBelow(1 - x, b, a);
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b));
  return (front / a) * fractionOf(x, a, b);
}

const TINY = 1e-300;
const MAX_TERMS = 10_000;

/** 1 / (1 + d1 / (1 + d2 / (1 + …))) by Lentz's method, until a term changes nothing that a double holds. */
function fractionOf(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / awayFromZero(1 + termOf(1, x, a, b));
  let value = d;
  for (let k = 2; k <= MAX_TERMS; k += 1) {
    const term = termOf(k, x, a, b);
    d = 1 / awayFromZero(1 + term * d);
    c = awayFromZero(1 + term / c);
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-14) break;
  }
  return value;
}

/** The k-th partial numerator, NIST DLMF 8.17.23. */
function termOf(k: number, x: number, a: number, b: number): number {
  const m = Math.floor(k / 2);
  return k % 2 === 0
    ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
}

function awayFromZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

/** Stirling's series, NIST DLMF 5.11.1, after the argument was raised to 10 by the recurrence 5.5.1. */
function logGamma(z: number): number {
  let [shifted, correction] = [z, 0];
  while (shifted < 10) {
    correction -= Math.log(shifted);
    shifted += 1;
  }
  const series =
    1 / (12 * shifted) - 1 / (360 * shifted ** 3) + 1 / (1260 * shifted ** 5) - 1 / (1680 * shifted ** 7);
  return correction + (shifted - 0.5) * Math.log(shifted) - shifted + Math.log(2 * Math.PI) / 2 + series;
}
