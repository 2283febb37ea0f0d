import { logLossOf } from "./logit.ts";

/** A forecast and what came true: label is 0 or 1. */
export interface Scored {
  readonly p: number;
  readonly label: number;
}

/** One row of a reliability table. */
export interface Bin {
  readonly count: number;
  readonly meanForecast: number;
  readonly rate: number;
}

/**
 * The chance that a random positive is ranked above a random negative, ties counting one half; null when a class is
 * missing. `p` may be any score.
 *
 * Source: Hanley and McNeil, Radiology 143(1), 1982: the area under the ROC curve is the Mann-Whitney statistic.
 */
export function aucOf(scored: readonly Scored[]): number | null {
  const sorted = scored.toSorted((a, b) => a.p - b.p);
  const positives = sorted.filter(({ label }) => label === 1).length;
  const negatives = sorted.length - positives;
  if (positives === 0 || negatives === 0) return null;
  let rankSum = 0;
  for (let start = 0; start < sorted.length;) {
    let end = start;
    let tied = 0;
    while (end < sorted.length && sorted[end]?.p === sorted[start]?.p) {
      tied += sorted[end]?.label ?? 0;
      end += 1;
    }
    // Ranks start+1 .. end share their mean.
    rankSum += (tied * (start + 1 + end)) / 2;
    start = end;
  }
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/**
 * Mean squared difference of forecast and label; NaN for no rows.
 *
 * Source: Brier, Monthly Weather Review 78(1), 1950 (the two-class form in use today, half of the original).
 */
export function brierOf(scored: readonly Scored[]): number {
  return meanOf(scored, ({ p, label }) => (p - label) ** 2);
}

/** Mean negative log-likelihood in nats; NaN for no rows. Forecasts of 0 and 1 cost at most 30. */
export function logLossMean(scored: readonly Scored[]): number {
  return meanOf(scored, ({ p, label }) => logLossOf(p, label));
}

/** Ten bins of equal width over 0..1; a forecast of 1 is in the last. Empty bins have count 0. */
export function reliabilityOf(scored: readonly Scored[]): readonly Bin[] {
  const bins = Array.from({ length: 10 }, () => ({ count: 0, forecasts: 0, labels: 0 }));
  for (const { p, label } of scored) {
    const bin = bins[Math.min(9, Math.floor(p * 10))];
    if (bin === undefined) throw new RangeError("a forecast has to lie from 0 to 1");
    bin.count += 1;
    bin.forecasts += p;
    bin.labels += label;
  }
  return bins.map(({ count, forecasts, labels }) => ({
    count,
    meanForecast: count === 0 ? 0 : forecasts / count,
    rate: count === 0 ? 0 : labels / count,
  }));
}

/**
 * Expected calibration error: the distance of mean forecast and rate per bin, weighted by the rows in it.
 *
 * Source: Naeini, Cooper and Hauskrecht, AAAI 2015; Guo et al., ICML 2017, equation 3.
 */
export function eceOf(scored: readonly Scored[]): number {
  return reliabilityOf(scored).reduce(
    (total, { count, meanForecast, rate }) => total + (count / scored.length) * Math.abs(meanForecast - rate),
    0,
  );
}

function meanOf(scored: readonly Scored[], cost: (row: Scored) => number): number {
  return scored.reduce((total, row) => total + cost(row), 0) / scored.length;
}
