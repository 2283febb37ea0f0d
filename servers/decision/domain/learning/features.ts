import type { Metrics } from "../metrics.ts";

/** The change metrics as numbers; null where unknown. */
export type ChangeMetrics = Readonly<Record<keyof Metrics, number | null>>;

const LOGGED = ["ns", "nd", "nf", "la", "ld", "lt", "ndev", "age", "nuc", "exp", "rexp", "sexp"] as const;

/** What a model reads of a change, in the order of its vector. */
export const FEATURES = [...LOGGED, "entropy", "fix", "churn", "lt_per_file"] as const;

/**
 * The sixteen inputs of the models: ln(1 + x) of the skewed metrics, entropy and fix as they are, ln(1 + la + ld) and
 * ln(1 + lt / max(1, nf)).
 *
 * Null where a metric it needs is unknown. The models put the mean of what they have seen in its place, so that an
 * unknown value moves no prediction: it is never read as zero.
 *
 * Source: the metrics of Kamei et al. 2013 (IEEE TSE 39(6)), whose section 4 takes logarithms against skew.
 *
 * @throws {RangeError} for a metric that is negative or not finite.
 */
export function featuresOf(metrics: ChangeMetrics): readonly (number | null)[] {
  for (const [name, value] of Object.entries(metrics)) {
    if (value !== null && !(Number.isFinite(value) && value >= 0))
      throw new RangeError(`${name} has to be a finite number from 0 up`);
  }
  const { la, ld, lt, nf } = metrics;
  return [
    ...LOGGED.map((name) => logOrNull(metrics[name])),
    metrics.entropy,
    metrics.fix,
    logOrNull(la === null || ld === null ? null : la + ld),
    logOrNull(lt === null || nf === null ? null : lt / Math.max(1, nf)),
  ];
}

function logOrNull(value: number | null): number | null {
  return value === null ? null : Math.log1p(value);
}
