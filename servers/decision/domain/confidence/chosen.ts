import { logLossOf } from "../learning/logit.ts";
import type { Scored } from "../learning/scoring.ts";
import { beta, isotonic, platt, type Calibrator } from "./calibrators.ts";

/** How a scope's statements are read. */
export interface Reading {
  readonly method: "platt" | "beta" | "isotonic";
  readonly calibrate: Calibrator;
}

const METHODS = { platt, beta, isotonic } as const;
/** Outcomes before the steps of `isotonic` may compete. */
const ISOTONIC_FROM = 500;
/** The newest outcomes that are read: agents and models change. */
const NEWEST = 1_000;
/** A method is judged on outcomes it had not seen, in this many stretches. */
const STRETCHES = 4;

/**
 * The calibrator with the least log-loss on outcomes that came after those it was fitted to; Platt where the others are
 * no better. `outcomes` are oldest first: stated confidence, and 1 for success.
 */
export function chosen(outcomes: readonly Scored[]): Reading {
  const newest = outcomes.slice(-NEWEST);
  const names = [
    "platt",
    "beta",
    ...(newest.length >= ISOTONIC_FROM ? (["isotonic"] as const) : []),
  ] as const;
  let best: { readonly method: Reading["method"]; readonly loss: number } = {
    method: "platt",
    loss: Number.POSITIVE_INFINITY,
  };
  for (const method of names) {
    const loss = lossAhead(newest, METHODS[method]);
    if (loss < best.loss) best = { method, loss };
  }
  return { method: best.method, calibrate: METHODS[best.method](newest) };
}

function lossAhead(outcomes: readonly Scored[], fit: (past: readonly Scored[]) => Calibrator): number {
  let loss = 0;
  for (let stretch = 1; stretch <= STRETCHES; stretch += 1) {
    const from = Math.floor((stretch * outcomes.length) / (STRETCHES + 1));
    const to = Math.floor(((stretch + 1) * outcomes.length) / (STRETCHES + 1));
    const calibrate = fit(outcomes.slice(0, from));
    for (const { p, label } of outcomes.slice(from, to)) loss += logLossOf(calibrate(p), label);
  }
  return loss;
}
