import type { ChangeMetrics } from "./features.ts";

type Part = readonly [weight: number, value: number | null];

/**
 * The documented formula on change metrics alone, as the baseline: complexity from the size of the change, coverage
 * left out, because a history of changes does not tell it. Weights of unknown factors go to the known ones; .5 when
 * all are unknown. 0..1, not a probability.
 *
 * complexity (.2) = sat(la + ld, 200), dependencies (.2) = sat(max(0, nd - 1), 3),
 * history (.15) = sat(nuc, 50) / 2 + sat(ndev, 5) / 2, impact (.15) = sat(nf, 5), where sat(x, c) = x / (x + c).
 *
 * Source: weights of the project's design draft, as in `../formula.ts`; half points chosen by hand, not fitted.
 */
export function churnFormula(metrics: ChangeMetrics): number {
  const { la, ld, nd, nuc, ndev, nf } = metrics;
  const parts: readonly Part[] = [
    [0.2, la === null || ld === null ? null : saturate(la + ld, 200)],
    [0.2, nd === null ? null : saturate(Math.max(0, nd - 1), 3)],
    [0.15, nuc === null || ndev === null ? null : saturate(nuc, 50) / 2 + saturate(ndev, 5) / 2],
    [0.15, nf === null ? null : saturate(nf, 5)],
  ];
  let [total, weights] = [0, 0];
  for (const [weight, value] of parts) {
    if (value === null) continue;
    total += weight * value;
    weights += weight;
  }
  return weights === 0 ? 0.5 : total / weights;
}

function saturate(value: number, half: number): number {
  return value / (value + half);
}
