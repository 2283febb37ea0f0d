import { logLossOf } from "./logit.ts";

/** The models that may be in force. The fixed formula is where it starts, and what is fallen back to. */
export const MODELS = ["weighted_formula", "online_logistic", "blend"] as const;
export type ModelName = (typeof MODELS)[number];

/** What each model forecast before the label was known; null where it could not yet. */
export type Forecasts = Readonly<Record<ModelName, number | null>>;

export interface Promotion {
  readonly from: ModelName;
  readonly to: ModelName;
  /** Labels that it took, since the last promotion. */
  readonly labels: number;
  /** By how much the new one was better on them, in nats. */
  readonly evidence: number;
}

export interface Succession {
  champion(): ModelName;
  /** Tells of the promotion that this label brings about, if any. */
  learn(forecasts: Forecasts, label: 0 | 1): Promotion | null;
}

/** Labels under the champion before anything can follow it. */
const LEAST_LABELS = 50;
/** With error 5 %, shared out between two challengers. */
const ENOUGH = Math.log(2 / 0.05);

/**
 * Puts another model in force once the labels speak for it: when it has given them, in product, forty times the
 * probability that the champion gave. The product is counted from the champion's first label on and never reset, so
 * that the test holds at every look: were the champion's forecasts right, one of both would be promoted by chance in at
 * most 5 % of histories of any length. The way back, to the formula too, is the same.
 *
 * Source: Ville, 1939 (a likelihood ratio exceeds 1/a with probability at most a); Ramdas, Grunwald, Vovk and Shafer,
 * Statistical Science 38(4), 2023.
 */
export function succession(): Succession {
  let champion: ModelName = "weighted_formula";
  let labels = 0;
  let ahead: Record<ModelName, number> = { weighted_formula: 0, online_logistic: 0, blend: 0 };
  return {
    champion: () => champion,
    learn(forecasts, label) {
      const own = forecasts[champion];
      if (own === null) return null;
      labels += 1;
      for (const name of MODELS) {
        const p = forecasts[name];
        if (p !== null) ahead[name] += logLossOf(own, label) - logLossOf(p, label);
      }
      const best = MODELS.reduce((a, b) => (ahead[b] > ahead[a] ? b : a), champion);
      if (best === champion || ahead[best] < ENOUGH || labels < LEAST_LABELS) return null;
      const promotion = { from: champion, to: best, labels, evidence: ahead[best] };
      champion = best;
      labels = 0;
      ahead = { weighted_formula: 0, online_logistic: 0, blend: 0 };
      return promotion;
    },
  };
}
