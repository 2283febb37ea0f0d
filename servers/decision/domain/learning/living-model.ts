import type { FactorName } from "../factors.ts";
import { churnFormula } from "./churn-formula.ts";
import { type ChangeMetrics, FEATURES, featuresOf } from "./features.ts";
import { type Learner, learner, type Prediction } from "./learner.ts";
import type { Inputs } from "./online-logistic.ts";
import { type ModelName, type Promotion, succession } from "./succession.ts";

/** A change whose label has matured. */
export interface Lesson {
  readonly id: string;
  /** When it was decided on, or made; epoch milliseconds. */
  readonly at: number;
  /** When its label could be learned, from `at` on. */
  readonly due: number;
  readonly metrics: ChangeMetrics;
  readonly label: 0 | 1;
}

/** What a learned model says of one change. */
export interface LearnedRisk {
  /** The probability that the change turns out badly. */
  readonly p: number;
  /** From the uncertainty of the regression's weights. */
  readonly interval: readonly [number, number];
  /** What each factor adds to `start`; these and `start` add up to `p`. */
  readonly parts: Readonly<Partial<Record<FactorName, number>>>;
  /** What is forecast of a change of which nothing is known. */
  readonly start: number;
}

export interface LivingModel {
  readonly name: ModelName;
  readonly labels: number;
  readonly promotions: readonly (Promotion & { readonly at: number })[];
  /** What was forecast of each, in order of time, before its label was known. */
  readonly lived: readonly { readonly lesson: Lesson; readonly p: number }[];
  /** Null while the fixed formula is in force. */
  judge(metrics: ChangeMetrics): LearnedRisk | null;
}

/** Which inputs speak for which factor. Coverage is not in a history of changes. */
const INPUTS: Readonly<Record<(typeof FEATURES)[number], FactorName>> = {
  la: "complexity",
  ld: "complexity",
  churn: "complexity",
  entropy: "complexity",
  fix: "complexity",
  ns: "dependency_changes",
  nd: "dependency_changes",
  ndev: "historical_stability",
  age: "historical_stability",
  nuc: "historical_stability",
  exp: "historical_stability",
  rexp: "historical_stability",
  sexp: "historical_stability",
  nf: "impact_radius",
  lt: "impact_radius",
  lt_per_file: "impact_radius",
};
const GROUPS = ["complexity", "dependency_changes", "historical_stability", "impact_radius"] as const;

/**
 * Lives through lessons in order of time: each is forecast at its `at` and learned at its `due`. The same lessons give
 * the same model, whichever process grows it.
 */
export function livingModel(lessons: readonly Lesson[]): LivingModel {
  const model = learner();
  const line = succession();
  const promotions: (Promotion & { readonly at: number })[] = [];
  const lived: { readonly lesson: Lesson; readonly p: number }[] = [];
  const said = new Map<string, { readonly inputs: Inputs; readonly prediction: Prediction }>();
  const byDue = lessons.toSorted((a, b) => a.due - b.due || compare(a.id, b.id));
  let learned = 0;
  const learnUntil = (now: number): void => {
    for (let next = byDue[learned]; next !== undefined && next.due <= now; next = byDue[learned]) {
      const before = said.get(next.id);
      if (before === undefined) return;
      model.learn(before.inputs, before.prediction, next.label);
      const { logistic, trees, p } = before.prediction;
      const promotion = line.learn(
        {
          weighted_formula: churnFormula(next.metrics),
          online_logistic: logistic.p,
          blend: trees === null ? null : p,
        },
        next.label,
      );
      if (promotion !== null) promotions.push({ ...promotion, at: next.due });
      said.delete(next.id);
      learned += 1;
    }
  };
  for (const lesson of lessons.toSorted((a, b) => a.at - b.at || compare(a.id, b.id))) {
    learnUntil(lesson.at);
    const inputs = featuresOf(lesson.metrics);
    const prediction = model.predict(inputs);
    said.set(lesson.id, { inputs, prediction });
    lived.push({ lesson, p: prediction.p });
  }
  learnUntil(Number.POSITIVE_INFINITY);
  const name = line.champion();
  return {
    name,
    labels: lessons.length,
    promotions,
    lived,
    judge: (metrics) => (name === "weighted_formula" ? null : judged(model, name, featuresOf(metrics))),
  };
}

function judged(model: Learner, name: ModelName, inputs: Inputs): LearnedRisk {
  const say = (given: Inputs): number => {
    const forecast = model.forecast(given);
    return name === "blend" ? forecast.p : forecast.logistic.p;
  };
  const { logistic } = model.forecast(inputs);
  const p = say(inputs);
  const { start, parts } = shares(inputs, say);
  return {
    p,
    interval: [Math.min(p, logistic.interval[0]), Math.max(p, logistic.interval[1])],
    start,
    parts,
  };
}

/**
 * What each group of inputs adds, averaged over every order in which the groups could become known.
 *
 * Source: Shapley, A Value for n-Person Games, 1953; for forecasts Strumbelj and Kononenko, JMLR 11, 2010.
 */
function shares(inputs: Inputs, say: (given: Inputs) => number): Pick<LearnedRisk, "start" | "parts"> {
  const count = GROUPS.length;
  const values = Array.from({ length: 2 ** count }, (_, known) =>
    say(
      inputs.map((value, input) => {
        const name = FEATURES[input];
        const group = name === undefined ? -1 : GROUPS.findIndex((each) => each === INPUTS[name]);
        return (known & (1 << group)) === 0 ? null : value;
      }),
    ),
  );
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
  const parts: Partial<Record<FactorName, number>> = {};
  for (const [i, group] of GROUPS.entries()) {
    let part = 0;
    for (const [known, value] of values.entries()) {
      if ((known & (1 << i)) !== 0) continue;
      const size = GROUPS.filter((_, j) => (known & (1 << j)) !== 0).length;
      const weight = (factorial(size) * factorial(count - size - 1)) / factorial(count);
      part += weight * ((values[known | (1 << i)] ?? 0) - value);
    }
    parts[group] = part;
  }
  return { start: values[0] ?? 0, parts };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
