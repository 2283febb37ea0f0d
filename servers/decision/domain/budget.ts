import type { Known } from "./expression.ts";
import type { Verdict } from "./policy.ts";
import { allowanceFrom, isUsedUp, type Allowance, type RiskCurve, type WentAlone } from "./risk-budget.ts";

/** How often what goes on alone may end badly, and what is said where that is not shown. */
export interface Budget {
  /** As a share of the rate of bad ends so far, 0..1. */
  readonly baseShare: number;
  /** The rate that stands in while none is known: fewer than fifty past changes, or none of them bad. */
  readonly rate: number;
  /** Where the risk lies above what the past allows. */
  readonly beyond: Verdict;
  /** Where the past does not show enough. */
  readonly unproven: Verdict;
  /** Where too much of what went on alone ended badly. */
  readonly usedUp: Verdict;
}

/** Where a budget stands for one decision. */
export interface BudgetState {
  /** The rate that it allows. */
  readonly rate: number;
  /** What may go on alone by the past; null where the past does not show it for any. */
  readonly allowance: Allowance | null;
  readonly alone: WentAlone;
  readonly isUsedUp: boolean;
}

const LEAST_FOR_A_RATE = 50;

/** Holds a budget against the past: `curve` null where nothing is known of changes like this one. */
export function budgetState(budget: Budget, curve: RiskCurve | null, alone: WentAlone): BudgetState {
  const all = curve?.cuts.at(-1);
  const base = all === undefined || all.changes < LEAST_FOR_A_RATE ? 0 : all.defects / all.changes;
  const rate = base === 0 ? budget.rate : budget.baseShare * base;
  return {
    rate,
    allowance: curve === null ? null : allowanceFrom(curve, rate),
    alone,
    isUsedUp: isUsedUp(alone, rate),
  };
}

/** What rules may ask of a budget. */
export function budgetFacts(state: BudgetState): Known {
  return { risk_cut: state.allowance?.cut ?? null, budget_used: state.isUsedUp ? 1 : 0 };
}

/** The figures behind it, in words for a person. */
export function budgetInWords({ rate, allowance, alone }: BudgetState): string {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const past =
    allowance === null
      ? "no cut is proven"
      : `risk up to ${allowance.cut.toFixed(3)} may go on alone (${allowance.defects} of ${allowance.changes} such changes ended badly, at most ${percent(allowance.upperBound)} at 95 % confidence)`;
  return `risk budget ${percent(rate)}: ${past}; ${alone.bad} of ${alone.changes} that went on alone ended badly`;
}
