import type { fitTrees } from "./boosted-trees.ts";
import { type ChangeMetrics, featuresOf } from "./features.ts";
import { learner, type Prediction } from "./learner.ts";

/** A change of the past whose label is known today. */
export interface PastChange {
  /** Its place in the file, from 0. */
  readonly row: number;
  /** Unix seconds. */
  readonly at: number;
  readonly metrics: ChangeMetrics;
  readonly label: 0 | 1;
}

export interface Replayed {
  readonly change: PastChange;
  readonly prediction: Prediction;
  /** The share of defects among the labels known then; .25 stands for one of four before there are any. */
  readonly baseRate: number;
}

const DAY_S = 86_400;

/** In order of time; changes of one second stay in the order of the file. */
export function inOrder(changes: readonly PastChange[]): readonly PastChange[] {
  return changes.toSorted((a, b) => a.at - b.at || a.row - b.row);
}

/**
 * Lives through the past in order of time: every change is predicted before it is learned, and a label is learned when
 * `delayDays` have passed since its change. No prediction depends on a younger label.
 *
 * Source: Dawid, Present Position and Potential Developments: Some Personal Views, 1984 (the prequential approach).
 */
export function* replay(
  changes: readonly PastChange[],
  delayDays: number,
  fit?: typeof fitTrees,
): Generator<Replayed> {
  const model = learner(fit);
  const waiting: {
    readonly change: PastChange;
    readonly inputs: readonly (number | null)[];
    readonly prediction: Prediction;
  }[] = [];
  let known = 0;
  let defects = 0;
  for (const change of inOrder(changes)) {
    for (let next = waiting[known]; next !== undefined; next = waiting[known]) {
      if (next.change.at > change.at - delayDays * DAY_S) break;
      model.learn(next.inputs, next.prediction, next.change.label);
      known += 1;
      defects += next.change.label;
    }
    const inputs = featuresOf(change.metrics);
    const prediction = model.predict(inputs);
    waiting.push({ change, inputs, prediction });
    yield { change, prediction, baseRate: (defects + 1) / (known + 4) };
  }
}
