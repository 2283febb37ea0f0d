import { type BoostedTrees, type Example, fitTrees, treesLogit } from "./boosted-trees.ts";
import { ensemble } from "./ensemble.ts";
import { FEATURES } from "./features.ts";
import { sigmoid } from "./logit.ts";
import { type Forecast, type Inputs, onlineLogistic } from "./online-logistic.ts";
import { runningScale } from "./running-scale.ts";
import { seededRandom } from "./seeded-random.ts";

/** What the learner says of a change, and what its members said. */
export interface Prediction {
  readonly p: number;
  readonly logistic: Forecast;
  /** Null until the first forest. */
  readonly trees: number | null;
}

/** The regression learns from every label; a forest joins it once there are labels enough. */
export interface Learner {
  /** Once per change, in order of time. */
  predict(inputs: Inputs): Prediction;
  /** `prediction` is what was said of this change before its label was known. */
  learn(inputs: Inputs, prediction: Prediction, label: 0 | 1): void;
}

/** Labels for the first forest. */
const FIRST = 500;
/** A new forest is grown when there are this many times the labels of the last: eight per doubling. */
const GROWTH = 1.09;
/** A forest grows from the newest labels only: bounds its time and what is kept. */
const NEWEST = 20_000;
const SEED = 1;

/** `fit` grows a forest: given for a caller that wants to time it. */
export function learner(fit: typeof fitTrees = fitTrees): Learner {
  const logistic = onlineLogistic(FEATURES.length);
  const scale = runningScale(FEATURES.length);
  const blender = ensemble();
  const examples: Example[] = [];
  let learned = 0;
  let forest: BoostedTrees | undefined;
  let nextFit = FIRST;
  return {
    predict(inputs) {
      logistic.observe(inputs);
      scale.observe(inputs);
      const regression = logistic.predict(inputs);
      const trees = forest === undefined ? null : sigmoid(treesLogit(forest, scale.impute(inputs)));
      return {
        p: trees === null ? regression.p : blender.blend(regression.p, trees),
        logistic: regression,
        trees,
      };
    },
    learn(inputs, prediction, label) {
      logistic.learn(inputs, label);
      if (prediction.trees !== null) blender.learn(prediction.logistic.p, prediction.trees, label);
      examples.push({ inputs: scale.impute(inputs), label });
      learned += 1;
      if (examples.length >= 2 * NEWEST) examples.splice(0, NEWEST);
      if (learned < nextFit) return;
      forest = fit(examples.slice(-NEWEST), seededRandom(SEED));
      nextFit = Math.ceil(learned * GROWTH);
    },
  };
}
