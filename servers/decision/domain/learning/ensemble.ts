import { logit, logLossOf, sigmoid } from "./logit.ts";

/** Blends the forecasts of two members by how well they have done. */
export interface Ensemble {
  /** The blended probability of the members' probabilities. */
  blend(first: number, second: number): number;
  /** Scores the blends by a label that has come true; the forecasts are those made before it was known. */
  learn(first: number, second: number, label: 0 | 1): void;
  /** The mean weight of the first member, 0..1: one half before anything is learned. */
  weight(): number;
}

const STEPS = 10;

/**
 * Eleven experts, each a weighted mean of the two logits with a fixed weight 0, .1 .. 1 of the first member; their
 * forecasts are averaged by exp(-log-loss so far). Log-loss after n labels is at most ln(11) nats, in sum, above that
 * of the best of them, so a member that does badly loses its say, and one half each stays where that is best.
 *
 * Source: Vovk, Aggregating Strategies, COLT 1990; Cesa-Bianchi and Lugosi, Prediction, Learning, and Games, 2006,
 * chapter 9 (the bound; labels that come late add to it).
 */
export function ensemble(): Ensemble {
  const losses = new Float64Array(STEPS + 1);
  const shares = (): readonly number[] => {
    const least = Math.min(...losses);
    const raw = Array.from(losses, (loss) => Math.exp(least - loss));
    const total = raw.reduce((sum, share) => sum + share, 0);
    return raw.map((share) => share / total);
  };
  const blendAt = (step: number, first: number, second: number): number =>
    sigmoid((step / STEPS) * logit(first) + (1 - step / STEPS) * logit(second));
  return {
    blend: (first, second) =>
      shares().reduce((total, share, step) => total + share * blendAt(step, first, second), 0),
    learn(first, second, label) {
      for (const [step, loss] of losses.entries())
        losses[step] = loss + logLossOf(blendAt(step, first, second), label);
    },
    weight: () => shares().reduce((total, share, step) => total + (share * step) / STEPS, 0),
  };
}
