import { allowanceOf } from "../risk-budget.ts";
import type { Replayed } from "./replay.ts";
import type { Scored } from "./scoring.ts";

/** What a risk budget would have let go on alone. */
export interface Automation {
  /** The budget: the highest rate of defects among changes that go on alone, as a mean over when it was asked for. */
  readonly budget: number;
  /** The share of the scored changes that would have gone on alone; 0 where the past never showed enough. */
  readonly share: number;
  /** The rate of defects among them; null when there were none. */
  readonly realised: number | null;
}

/** The cut is set anew after so many changes, on the newest matured labels. */
const EVERY = 200;
const NEWEST = 6_000;
const LEAST = 50;
const DAY_S = 86_400;

/**
 * Lives through a replay with a risk budget: `fraction` of the rate of defects that was known when a cut was set. Only
 * labels that were out by then count. Counts the last half.
 */
export function automationOf(replayed: readonly Replayed[], delayDays: number, fraction: number): Automation {
  const half = Math.floor(replayed.length / 2);
  const past: Scored[] = [];
  let [cut, budget]: [number | null, number] = [null, 0];
  let [alone, defects, budgets] = [0, 0, 0];
  let known = 0;
  for (const [i, { change, prediction }] of replayed.entries()) {
    if (i % EVERY === 0) {
      for (let next = replayed[known]; next !== undefined && known < i; next = replayed[known]) {
        if (next.change.at > change.at - delayDays * DAY_S) break;
        past.push({ p: next.prediction.p, label: next.change.label });
        known += 1;
      }
      const window = past.slice(-NEWEST);
      const rate = window.reduce((sum, { label }) => sum + label, 0) / Math.max(1, window.length);
      budget = fraction * rate;
      cut = window.length < LEAST || budget <= 0 ? null : (allowanceOf(window, budget)?.cut ?? null);
    }
    if (i < half) continue;
    budgets += budget;
    if (cut === null || prediction.p > cut) continue;
    alone += 1;
    defects += change.label;
  }
  const scored = replayed.length - half;
  return { budget: budgets / scored, share: alone / scored, realised: alone === 0 ? null : defects / alone };
}
