import { logit, logLossOf, sigmoid } from "./logit.ts";

/** Blends the forecasts of several members by how well they have done. */
export interface Ensemble {
  /** The blended probability; null stands for a member that has none yet, and gets no say. */
  blend(forecasts: readonly (number | null)[]): number;
  /** Scores the members by a label that has come true, when all had a forecast. They were made before it was known. */
  learn(forecasts: readonly (number | null)[], label: 0 | 1): void;
  /** Each member's say when all have a forecast: above 0, and 1 in sum. */
  weights(): readonly number[];
  /** Log-loss so far by member, in nats. */
  losses(): readonly number[];
}

/** The share of the say that is always dealt out evenly. */
const EVEN = 0.5;

/**
 * The mean of the members' logits. Half of the say is shared evenly, half by exp(-log-loss so far): a member that does
 * badly sinks to the even share, and the average of members that err in different ways, which mostly beats the best of
 * them, is kept.
 *
 * Source: Vovk, Aggregating Strategies, COLT 1990 (weights by loss); Stock and Watson, Journal of Forecasting 23(6),
 * 2004 (why averages that are not fully fitted do better).
 */
export function ensemble(members: number, from?: readonly number[]): Ensemble {
  const losses = from === undefined ? new Float64Array(members) : Float64Array.from(from);
  const weightsOf = (forecasts: readonly (number | null)[]): readonly number[] => {
    const isIn = (member: number): boolean => (forecasts[member] ?? null) !== null;
    let least = Number.POSITIVE_INFINITY;
    for (const [member, loss] of losses.entries()) if (isIn(member)) least = Math.min(least, loss);
    const raw = Array.from(losses, (loss, member) => (isIn(member) ? Math.exp(least - loss) : 0));
    const total = raw.reduce((sum, share) => sum + share, 0);
    const count = forecasts.filter((p) => p !== null).length;
    return raw.map((share, member) => (isIn(member) ? EVEN / count + ((1 - EVEN) * share) / total : 0));
  };
  return {
    blend(forecasts) {
      const weights = weightsOf(forecasts);
      return sigmoid(
        forecasts.reduce(
          (sum: number, p, member) => sum + (p === null ? 0 : (weights[member] ?? 0) * logit(p)),
          0,
        ),
      );
    },
    learn(forecasts, label) {
      if (forecasts.includes(null)) return;
      for (const [member, p] of forecasts.entries())
        losses[member] = (losses[member] ?? 0) + logLossOf(p ?? 0, label);
    },
    weights: () => weightsOf(Array.from(losses, () => 0)),
    losses: () => [...losses],
  };
}
