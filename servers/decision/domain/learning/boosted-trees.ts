import { clampLogit, logit, sigmoid } from "./logit.ts";

/** A change with known numbers only, and its label. */
export interface Example {
  readonly inputs: readonly number[];
  readonly label: 0 | 1;
}

export interface BoostedTrees {
  /** The logit of an empty forest. */
  readonly base: number;
  readonly trees: readonly Node[];
}

type Node =
  | { readonly kind: "leaf"; readonly value: number }
  /** Left when the input is at most the threshold. */
  | {
      readonly kind: "split";
      readonly feature: number;
      readonly threshold: number;
      readonly left: Node;
      readonly right: Node;
    };

const TREES = 100;
const DEPTH = 3;
const RATE = 0.07;
const BINS = 32;
const PENALTY = 5;
const LEAST_ROWS = 15;
const SAMPLE = 0.7;

/** Examples by column of bin numbers, with the upper bound of every bin. */
interface Table {
  readonly bins: readonly Uint8Array[];
  readonly bounds: readonly (readonly number[])[];
}

interface Slopes {
  readonly gradient: Float64Array;
  readonly hessian: Float64Array;
}

/**
 * Fits a small forest by second-order boosting over quantile bins; every tree sees a sample of the rows.
 *
 * `random` gives numbers in [0, 1): the same sequence gives the same forest.
 *
 * Source: Friedman, Annals of Statistics 29(5), 2001, and Stochastic Gradient Boosting, 2002; leaf values and gains are
 * Chen and Guestrin, KDD 2016, equations 5 and 7.
 */
export function fitTrees(examples: readonly Example[], random: () => number): BoostedTrees {
  const table = binned(examples);
  const positives = examples.filter(({ label }) => label === 1).length;
  const base = logit((positives + 1) / (examples.length + 2));
  const logits = new Float64Array(examples.length).fill(base);
  const slopes = { gradient: new Float64Array(examples.length), hessian: new Float64Array(examples.length) };
  const trees: Node[] = [];
  for (let round = 0; round < TREES; round += 1) {
    for (const [row, { label }] of examples.entries()) {
      const p = sigmoid(logits[row] ?? 0);
      slopes.gradient[row] = p - label;
      slopes.hessian[row] = p * (1 - p);
    }
    const sample = Uint32Array.from(examples.keys()).filter(() => random() < SAMPLE);
    const tree = grow(sample, table, slopes, DEPTH);
    trees.push(tree);
    for (const [row, { inputs }] of examples.entries())
      logits[row] = (logits[row] ?? 0) + valueOf(tree, inputs);
  }
  return { base, trees };
}

/** The forest's logit for a change. */
export function treesLogit(forest: BoostedTrees, inputs: readonly number[]): number {
  return clampLogit(forest.trees.reduce((total, tree) => total + valueOf(tree, inputs), forest.base));
}

function valueOf(tree: Node, inputs: readonly number[]): number {
  let node = tree;
  while (node.kind === "split") node = (inputs[node.feature] ?? 0) <= node.threshold ? node.left : node.right;
  return node.value;
}

function binned(examples: readonly Example[]): Table {
  const width = examples[0]?.inputs.length ?? 0;
  const bounds = Array.from({ length: width }, (_, feature) => {
    const values = Float64Array.from(examples, ({ inputs }) => inputs[feature] ?? 0).sort();
    const cuts = Array.from(
      { length: BINS - 1 },
      (_cut, i) => values[Math.floor(((i + 1) * values.length) / BINS)] ?? 0,
    );
    // The highest value bounds nothing: all rows lie at or below it.
    return [...new Set(cuts)].filter((cut) => cut < (values.at(-1) ?? 0));
  });
  const bins = bounds.map((cuts, feature) =>
    Uint8Array.from(examples, ({ inputs }) => {
      const bin = cuts.findIndex((cut) => (inputs[feature] ?? 0) <= cut);
      return bin === -1 ? cuts.length : bin;
    }),
  );
  return { bins, bounds };
}

function grow(rows: Uint32Array, table: Table, slopes: Slopes, depth: number): Node {
  const [gradient, hessian] = totals(rows, slopes);
  const best = depth === 0 ? undefined : bestSplit(rows, table, slopes, gradient, hessian);
  if (best === undefined) return { kind: "leaf", value: (-RATE * gradient) / (hessian + PENALTY) };
  const column = table.bins[best.feature] ?? new Uint8Array();
  return {
    kind: "split",
    feature: best.feature,
    threshold: table.bounds[best.feature]?.[best.bin] ?? 0,
    left: grow(
      rows.filter((row) => (column[row] ?? 0) <= best.bin),
      table,
      slopes,
      depth - 1,
    ),
    right: grow(
      rows.filter((row) => (column[row] ?? 0) > best.bin),
      table,
      slopes,
      depth - 1,
    ),
  };
}

interface Split {
  readonly feature: number;
  /** The last bin of the left side. */
  readonly bin: number;
}

/** The split of the highest gain, the first of equals; undefined when none gains or leaves enough rows. */
function bestSplit(
  rows: Uint32Array,
  table: Table,
  slopes: Slopes,
  gradient: number,
  hessian: number,
): Split | undefined {
  let best: Split | undefined;
  let bestGain = 1e-9;
  const here = gradient ** 2 / (hessian + PENALTY);
  const sums = {
    gradient: new Float64Array(BINS),
    hessian: new Float64Array(BINS),
    count: new Uint32Array(BINS),
  };
  for (const [feature, column] of table.bins.entries()) {
    sums.gradient.fill(0);
    sums.hessian.fill(0);
    sums.count.fill(0);
    for (const row of rows) {
      const bin = column[row] ?? 0;
      sums.gradient[bin] = (sums.gradient[bin] ?? 0) + (slopes.gradient[row] ?? 0);
      sums.hessian[bin] = (sums.hessian[bin] ?? 0) + (slopes.hessian[row] ?? 0);
      sums.count[bin] = (sums.count[bin] ?? 0) + 1;
    }
    let [left, leftHessian, count] = [0, 0, 0];
    for (let bin = 0; bin < (table.bounds[feature]?.length ?? 0); bin += 1) {
      left += sums.gradient[bin] ?? 0;
      leftHessian += sums.hessian[bin] ?? 0;
      count += sums.count[bin] ?? 0;
      if (count < LEAST_ROWS || rows.length - count < LEAST_ROWS) continue;
      const gain =
        left ** 2 / (leftHessian + PENALTY) +
        (gradient - left) ** 2 / (hessian - leftHessian + PENALTY) -
        here;
      if (gain > bestGain) {
        bestGain = gain;
        best = { feature, bin };
      }
    }
  }
  return best;
}

function totals(rows: Uint32Array, slopes: Slopes): readonly [number, number] {
  let [gradient, hessian] = [0, 0];
  for (const row of rows) {
    gradient += slopes.gradient[row] ?? 0;
    hessian += slopes.hessian[row] ?? 0;
  }
  return [gradient, hessian];
}
