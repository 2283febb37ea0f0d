import { clampLogit, logit, sigmoid } from "./logit.ts";

/** A change with known numbers only, and its label. */
export interface Example {
  readonly inputs: readonly number[];
  readonly label: 0 | 1;
}

/**
 * Trees of full depth, one after another. Place p of a tree has its children at 2p + 1 (the input is at most the
 * threshold) and 2p + 2; below the places come the leaves. Where a tree stops early all leaves below hold one value.
 */
export interface BoostedTrees {
  /** The logit of an empty forest. */
  readonly base: number;
  readonly inputs: Uint8Array;
  readonly thresholds: Float64Array;
  readonly leaves: Float64Array;
}

const TREES = 120;
const DEPTH = 4;
const PLACES = 2 ** DEPTH - 1;
const LEAVES = 2 ** DEPTH;
const RATE = 0.05;
const BINS = 32;
const PENALTY = 10;
const LEAST_ROWS = 30;
const ROW_SHARE = 0.6;
const INPUT_SHARE = 0.3;
/** No input lies above it. */
const ABOVE_ALL = Number.MAX_VALUE;

/** What growing one forest works with. */
interface Growing {
  readonly width: number;
  /** Bin numbers, row after row. */
  readonly bins: Uint8Array;
  /** Upper bound of every bin but the last, by input. */
  readonly bounds: readonly (readonly number[])[];
  readonly gradient: Float64Array;
  readonly hessian: Float64Array;
  /** The drawn rows first, those of one place in the tree side by side. */
  readonly order: Uint32Array;
  readonly scratch: Uint32Array;
  /** Gradient, hessian and count of every bin. */
  readonly sums: Float64Array;
  /** The thresholds of the tree that grows, as bin numbers. */
  readonly cuts: Uint8Array;
  readonly forest: BoostedTrees;
}

/** A place of a tree, and the stretch of the order that reaches it. */
interface Here {
  readonly tree: number;
  readonly place: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Fits a small forest by second-order boosting over quantile bins. Every tree sees a sample of the rows and of the
 * inputs: with few labels that matters more than depth.
 *
 * `random` gives numbers in [0, 1): the same sequence gives the same forest.
 *
 * Source: Friedman, Annals of Statistics 29(5), 2001, and Stochastic Gradient Boosting, 2002; leaf values, gains and
 * the sampling of inputs are Chen and Guestrin, KDD 2016, equations 5 and 7 and section 2.3.
 */
export function fitTrees(examples: readonly Example[], random: () => number): BoostedTrees {
  const rows = examples.length;
  const positives = examples.filter(({ label }) => label === 1).length;
  const forest: BoostedTrees = {
    base: logit((positives + 1) / (rows + 2)),
    inputs: new Uint8Array(TREES * PLACES),
    thresholds: new Float64Array(TREES * PLACES).fill(ABOVE_ALL),
    leaves: new Float64Array(TREES * LEAVES),
  };
  const growing: Growing = {
    ...binned(examples),
    gradient: new Float64Array(rows),
    hessian: new Float64Array(rows),
    order: new Uint32Array(rows),
    scratch: new Uint32Array(rows),
    sums: new Float64Array(3 * BINS),
    cuts: new Uint8Array(PLACES),
    forest,
  };
  const labels = Float64Array.from(examples, ({ label }) => label);
  const logits = new Float64Array(rows).fill(forest.base);
  for (let tree = 0; tree < TREES; tree += 1) {
    let drawn = 0;
    for (let row = 0; row < rows; row += 1) {
      const p = sigmoid(logits[row] ?? 0);
      growing.gradient[row] = p - (labels[row] ?? 0);
      growing.hessian[row] = p * (1 - p);
      if (random() >= ROW_SHARE) continue;
      growing.order[drawn] = row;
      drawn += 1;
    }
    const inputs = growing.bounds.flatMap((_, input) => (random() < INPUT_SHARE ? [input] : []));
    growing.cuts.fill(BINS);
    grow({ tree, place: 0, from: 0, to: drawn }, inputs, growing);
    addTree(logits, tree, growing);
  }
  return forest;
}

/** The forest's logit for a change. */
export function treesLogit(forest: BoostedTrees, inputs: readonly number[]): number {
  let total = forest.base;
  for (let tree = 0; tree * LEAVES < forest.leaves.length; tree += 1) total += valueOf(forest, tree, inputs);
  return clampLogit(total);
}

function valueOf(forest: BoostedTrees, tree: number, inputs: readonly number[]): number {
  const first = tree * PLACES;
  let place = 0;
  while (place < PLACES) {
    const value = inputs[forest.inputs[first + place] ?? 0] ?? 0;
    place = 2 * place + (value <= (forest.thresholds[first + place] ?? 0) ? 1 : 2);
  }
  return forest.leaves[tree * LEAVES + place - PLACES] ?? 0;
}

/** Moves every row's logit by the leaf it falls into, drawn or not. */
function addTree(logits: Float64Array, tree: number, { forest, width, bins, cuts }: Growing): void {
  const first = tree * PLACES;
  const leaves = tree * LEAVES - PLACES;
  for (let row = 0; row < logits.length; row += 1) {
    let place = 0;
    while (place < PLACES) {
      const bin = bins[row * width + (forest.inputs[first + place] ?? 0)] ?? 0;
      place = 2 * place + (bin <= (cuts[place] ?? 0) ? 1 : 2);
    }
    logits[row] = (logits[row] ?? 0) + (forest.leaves[leaves + place] ?? 0);
  }
}

function binned(examples: readonly Example[]): Pick<Growing, "width" | "bins" | "bounds"> {
  const width = examples[0]?.inputs.length ?? 0;
  const bins = new Uint8Array(examples.length * width);
  const bounds = Array.from({ length: width }, (_, input) => {
    const values = Float64Array.from(examples, ({ inputs }) => inputs[input] ?? 0);
    const sorted = values.toSorted();
    const cuts = Array.from(
      { length: BINS - 1 },
      (_cut, i) => sorted[Math.floor(((i + 1) * sorted.length) / BINS)] ?? 0,
    );
    // The highest value bounds nothing: all rows lie at or below it.
    const upper = [...new Set(cuts)].filter((cut) => cut < (sorted.at(-1) ?? 0));
    for (const [row, value] of values.entries()) bins[row * width + input] = binOf(value, upper);
    return upper;
  });
  return { width, bins, bounds };
}

/** The first bin whose upper bound is not below the value. */
function binOf(value: number, bounds: readonly number[]): number {
  let [low, high] = [0, bounds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= (bounds[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function grow(here: Here, inputs: readonly number[], growing: Growing): void {
  const { forest } = growing;
  const { tree, place, from, to } = here;
  const totals = totalsOf(here, growing);
  const best = place >= PLACES ? undefined : bestSplit(here, inputs, growing, totals);
  if (best === undefined) {
    const value = (-RATE * totals.gradient) / (totals.hessian + PENALTY);
    let [first, last] = [place, place];
    while (first < PLACES) [first, last] = [2 * first + 1, 2 * last + 2];
    const leaves = tree * LEAVES - PLACES;
    forest.leaves.fill(value, leaves + first, leaves + last + 1);
    return;
  }
  forest.inputs[tree * PLACES + place] = best.input;
  growing.cuts[place] = best.bin;
  forest.thresholds[tree * PLACES + place] = growing.bounds[best.input]?.[best.bin] ?? ABOVE_ALL;
  const middle = part(here, best, growing);
  grow({ tree, place: 2 * place + 1, from, to: middle }, inputs, growing);
  grow({ tree, place: 2 * place + 2, from: middle, to }, inputs, growing);
}

interface Split {
  readonly input: number;
  /** The last bin of the left side. */
  readonly bin: number;
}

/** Orders a stretch by the side of the split, keeping the order within a side; returns where the right side starts. */
function part({ from, to }: Here, { input, bin }: Split, { width, bins, order, scratch }: Growing): number {
  let [left, right] = [from, 0];
  for (let i = from; i < to; i += 1) {
    const row = order[i] ?? 0;
    if ((bins[row * width + input] ?? 0) <= bin) {
      order[left] = row;
      left += 1;
    } else {
      scratch[right] = row;
      right += 1;
    }
  }
  for (let i = 0; i < right; i += 1) order[left + i] = scratch[i] ?? 0;
  return left;
}

interface Totals {
  readonly gradient: number;
  readonly hessian: number;
}

function totalsOf({ from, to }: Here, growing: Growing): Totals {
  let [gradient, hessian] = [0, 0];
  for (let i = from; i < to; i += 1) {
    const row = growing.order[i] ?? 0;
    gradient += growing.gradient[row] ?? 0;
    hessian += growing.hessian[row] ?? 0;
  }
  return { gradient, hessian };
}

/** The split of the highest gain, the first of equals; undefined when none gains or leaves enough rows. */
function bestSplit(
  here: Here,
  inputs: readonly number[],
  growing: Growing,
  { gradient, hessian }: Totals,
): Split | undefined {
  const count = here.to - here.from;
  if (count < 2 * LEAST_ROWS) return undefined;
  let best: Split | undefined;
  let bestGain = 1e-9;
  const unsplit = gradient ** 2 / (hessian + PENALTY);
  const { sums, bounds } = growing;
  for (const input of inputs) {
    const bins = bounds[input]?.length ?? 0;
    if (bins === 0) continue;
    sumBins(here, input, growing);
    let [left, leftHessian, rows] = [0, 0, 0];
    for (let bin = 0; bin < bins; bin += 1) {
      left += sums[3 * bin] ?? 0;
      leftHessian += sums[3 * bin + 1] ?? 0;
      rows += sums[3 * bin + 2] ?? 0;
      if (rows < LEAST_ROWS || count - rows < LEAST_ROWS) continue;
      const gain =
        left ** 2 / (leftHessian + PENALTY) +
        (gradient - left) ** 2 / (hessian - leftHessian + PENALTY) -
        unsplit;
      if (gain > bestGain) {
        bestGain = gain;
        best = { input, bin };
      }
    }
  }
  return best;
}

function sumBins({ from, to }: Here, input: number, growing: Growing): void {
  const { width, bins, sums, order, gradient, hessian } = growing;
  sums.fill(0);
  for (let i = from; i < to; i += 1) {
    const row = order[i] ?? 0;
    const at = 3 * (bins[row * width + input] ?? 0);
    sums[at] = (sums[at] ?? 0) + (gradient[row] ?? 0);
    sums[at + 1] = (sums[at + 1] ?? 0) + (hessian[row] ?? 0);
    sums[at + 2] = (sums[at + 2] ?? 0) + 1;
  }
}
