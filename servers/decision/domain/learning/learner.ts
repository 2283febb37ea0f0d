import { type BoostedTrees, type Example, fitTrees, treesLogit } from "./boosted-trees.ts";
import { ensemble } from "./ensemble.ts";
import { FEATURES } from "./features.ts";
import { sigmoid } from "./logit.ts";
import { type Forecast, type Inputs, onlineLogistic } from "./online-logistic.ts";
import { PAIRS, withPairs } from "./pair-inputs.ts";
import { runningScale } from "./running-scale.ts";
import { seededRandom } from "./seeded-random.ts";

/** What the learner says of a change, and what its members said. */
export interface Prediction {
  readonly p: number;
  readonly logistic: Forecast;
  /** A regression that hardly forgets: better where little changes. */
  readonly steady: number;
  /** A regression that also sees products of two inputs. */
  readonly pairs: number;
  /** Null until the first forest. */
  readonly trees: number | null;
}

/** Three regressions learn from every label; a forest joins them once there are labels enough. */
export interface Learner {
  /** Once per change, in order of time. */
  predict(inputs: Inputs): Prediction;
  /** The same without taking the change in: for what is asked about and not part of the history. */
  forecast(inputs: Inputs): Prediction;
  /** `prediction` is what was said of this change before its label was known. */
  learn(inputs: Inputs, prediction: Prediction, label: 0 | 1): void;
}

/** Labels for the first forest. */
const FIRST = 500;
/** A new forest is grown when there are this many times the labels of the last, or so many more. */
const GROWTH = 1.15;
const MOST_NEW = 2_000;
/** A forest grows from the newest labels only: bounds its time and what is kept. */
const NEWEST = 20_000;
const SEED = 1;
/** Half is forgotten after 6,931 labels. */
const STEADY = 0.9999;
/** Believed before anything is known: size is what tells most. About what lines added alone give elsewhere. */
const PRIOR_MEANS: Readonly<Record<string, number>> = { la: 0.3, churn: 0.3 };
const meanOf = (input: number): number => PRIOR_MEANS[FEATURES[input] ?? ""] ?? 0;
/** A product has to earn its weight against a prior this narrow. */
const PAIR_VARIANCE = 0.003;

/** `fit` grows a forest: given for a caller that wants to time it. */
export function learner(fit: typeof fitTrees = fitTrees): Learner {
  const size = FEATURES.length;
  const logistic = onlineLogistic(size, { mean: meanOf });
  const steady = onlineLogistic(size, { mean: meanOf, forgetting: STEADY });
  const pairs = onlineLogistic(size + PAIRS, {
    forgetting: STEADY,
    mean: meanOf,
    variance: (input) => (input < size ? undefined : PAIR_VARIANCE),
  });
  const scale = runningScale(size);
  const blender = ensemble(4);
  const examples: Example[] = [];
  let learned = 0;
  let forest: BoostedTrees | undefined;
  let nextFit = FIRST;
  const forecastsOf = (
    said: Pick<Prediction, "logistic" | "steady" | "pairs" | "trees">,
  ): readonly (number | null)[] => [said.logistic.p, said.steady, said.pairs, said.trees];
  const forecast = (inputs: Inputs, wide: Inputs): Prediction => {
    const said = {
      logistic: logistic.predict(inputs),
      steady: steady.predict(inputs).p,
      pairs: pairs.predict(wide).p,
      trees: forest === undefined ? null : sigmoid(treesLogit(forest, scale.impute(inputs))),
    };
    return { p: blender.blend(forecastsOf(said)), ...said };
  };
  return {
    predict(inputs) {
      logistic.observe(inputs);
      steady.observe(inputs);
      scale.observe(inputs);
      const wide = withPairs(inputs, scale);
      pairs.observe(wide);
      return forecast(inputs, wide);
    },
    forecast: (inputs) => forecast(inputs, withPairs(inputs, scale)),
    learn(inputs, prediction, label) {
      logistic.learn(inputs, label);
      steady.learn(inputs, label);
      pairs.learn(withPairs(inputs, scale), label);
      blender.learn(forecastsOf(prediction), label);
      examples.push({ inputs: scale.impute(inputs), label });
      learned += 1;
      if (examples.length >= 2 * NEWEST) examples.splice(0, NEWEST);
      if (learned < nextFit) return;
      forest = fit(examples.slice(-NEWEST), seededRandom(SEED));
      nextFit = Math.min(learned + MOST_NEW, Math.ceil(learned * GROWTH));
    },
  };
}
