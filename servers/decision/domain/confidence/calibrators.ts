import { logit, logLossOf, sigmoid } from "../learning/logit.ts";
import type { Scored } from "../learning/scoring.ts";

/** Turns a stated confidence into the rate of success that goes with it. Never falls as the statement rises. */
export type Calibrator = (stated: number) => number;

const LEAST = 0.001;

/** What is stated, kept away from 0 and 1, where a logarithm would believe it without end. */
function held(stated: number): number {
  return Math.min(1 - LEAST, Math.max(LEAST, stated));
}

/**
 * s(a logit p + b), drawn to the identity (1, 0) by a penalty of (2 (a - 1)^2 + .5 b^2) / 2, so that with no outcome it
 * says what was stated.
 *
 * Source: Platt, Advances in Large Margin Classifiers, 1999; the prior is this project's.
 */
export function platt(outcomes: readonly Scored[]): Calibrator {
  const [a = 1, b = 0] = fitted(
    outcomes.map(({ p }) => [logit(held(p)), 1]),
    outcomes,
    [1, 0],
    [2, 0.5],
  );
  return (stated) => sigmoid(Math.max(0, a) * logit(held(stated)) + b);
}

/**
 * s(a ln p - b ln(1 - p) + c), drawn to the identity (1, 1, 0) by penalties of 2, 2 and .5. Bends where Platt cannot.
 *
 * Source: Kull, Silva Filho and Flach, AISTATS 2017; the prior is this project's.
 */
export function beta(outcomes: readonly Scored[]): Calibrator {
  const row = (p: number): readonly number[] => [Math.log(held(p)), -Math.log(1 - held(p)), 1];
  const [a = 1, b = 1, c = 0] = fitted(
    outcomes.map(({ p }) => row(p)),
    outcomes,
    [1, 1, 0],
    [2, 2, 0.5],
  );
  return (stated) => {
    const [x = 0, y = 0] = row(stated);
    return sigmoid(Math.max(0, a) * x + Math.max(0, b) * y + c);
  };
}

/**
 * Steps that rise, by pooling neighbours that do not. Needs many outcomes: below 500 it follows chance.
 *
 * Source: Ayer, Brunk, Ewing, Reid and Silverman, Annals of Mathematical Statistics 26(4), 1955; Zadrozny and Elkan,
 * KDD 2002.
 */
export function isotonic(outcomes: readonly Scored[]): Calibrator {
  const blocks: { from: number; sum: number; count: number }[] = [];
  for (const { p, label } of outcomes.toSorted((a, b) => a.p - b.p)) {
    blocks.push({ from: p, sum: label, count: 1 });
    for (let last = blocks.at(-1), before = blocks.at(-2); last !== undefined && before !== undefined;) {
      if (before.sum / before.count < last.sum / last.count && before.from < last.from) break;
      before.sum += last.sum;
      before.count += last.count;
      blocks.pop();
      [last, before] = [blocks.at(-1), blocks.at(-2)];
    }
  }
  return (stated) => {
    const block = blocks.findLast(({ from }) => from <= stated) ?? blocks[0];
    return block === undefined ? stated : block.sum / block.count;
  };
}

const ROUNDS = 50;

/** Minimises log-loss plus the penalty by Newton steps, halved until they help: undamped they diverge. */
function fitted(
  rows: readonly (readonly number[])[],
  outcomes: readonly Scored[],
  prior: readonly number[],
  strength: readonly number[],
): readonly number[] {
  const cost = (at: readonly number[]): number =>
    rows.reduce((sum, row, i) => sum + logLossOf(sigmoid(product(row, at)), outcomes[i]?.label ?? 0), 0) +
    at.reduce((sum, value, i) => sum + ((strength[i] ?? 0) / 2) * (value - (prior[i] ?? 0)) ** 2, 0);
  let at = prior;
  let now = cost(at);
  for (let round = 0; round < ROUNDS; round += 1) {
    const gradient = at.map((value, i) => (strength[i] ?? 0) * (value - (prior[i] ?? 0)));
    const curvature = at.map((_, i) => at.map((_value, j) => (i === j ? (strength[i] ?? 0) : 0)));
    for (const [n, row] of rows.entries()) {
      const p = sigmoid(product(row, at));
      for (const [i, x] of row.entries()) {
        gradient[i] = (gradient[i] ?? 0) + x * (p - (outcomes[n]?.label ?? 0));
        const line = curvature[i];
        if (line === undefined) continue;
        for (const [j, y] of row.entries()) line[j] = (line[j] ?? 0) + x * y * p * (1 - p);
      }
    }
    const step = solved(curvature, gradient);
    let size = 1;
    let next = at.map((value, i) => value - size * (step[i] ?? 0));
    while (size > 1e-6 && cost(next) > now) {
      size /= 2;
      next = at.map((value, i) => value - size * (step[i] ?? 0));
    }
    const then = cost(next);
    if (!(then < now)) break;
    const gain = now - then;
    [at, now] = [next, then];
    if (gain < 1e-9) break;
  }
  return at;
}

function product(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

/** Solves a small positive definite system by elimination. */
function solved(matrix: readonly (readonly number[])[], right: readonly number[]): readonly number[] {
  const rows = matrix.map((row, i) => [...row, right[i] ?? 0]);
  const size = right.length;
  for (let i = 0; i < size; i += 1) {
    for (let j = i + 1; j < size; j += 1) {
      const factor = (rows[j]?.[i] ?? 0) / (rows[i]?.[i] ?? 1);
      rows[j] = (rows[j] ?? []).map((value, k) => value - factor * (rows[i]?.[k] ?? 0));
    }
  }
  const answer: number[] = Array.from({ length: size }, () => 0);
  for (let i = size - 1; i >= 0; i -= 1) {
    let rest = rows[i]?.[size] ?? 0;
    for (let j = i + 1; j < size; j += 1) rest -= (rows[i]?.[j] ?? 0) * (answer[j] ?? 0);
    answer[i] = rest / (rows[i]?.[i] ?? 1);
  }
  return answer;
}
