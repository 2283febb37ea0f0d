import { type Automation, automationOf } from "./automation.ts";
import { churnFormula } from "./churn-formula.ts";
import type { Replayed } from "./replay.ts";
import { aucOf, brierOf, eceOf, logLossMean, type Scored } from "./scoring.ts";

/** How one model did. Null where the figure means nothing: AUC of one class, calibration of a raw count. */
export interface Scores {
  readonly auc: number | null;
  readonly brier: number | null;
  readonly ece: number | null;
  readonly logLoss: number | null;
}

export interface BacktestReport {
  readonly rows: number;
  /** The last half by time: the rows that are scored. */
  readonly scored: number;
  readonly defects: number;
  /** Forecast rows of the last half that a forest had a say in. */
  readonly withTrees: number;
  /** What would have gone on alone with a budget of half, and of three quarters, of the rate of defects. */
  readonly automation: { readonly half: Automation; readonly three_quarters: Automation };
  readonly models: {
    readonly model: Scores;
    readonly logistic: Scores;
    readonly trees: Scores;
    readonly formula: Scores;
    readonly lines_added: Scores;
    readonly base_rate: Scores;
  };
}

const NOTHING: Scores = { auc: null, brier: null, ece: null, logLoss: null };

/** Scores the last half of a replay, which is in order of time. */
export function reportOf(replayed: readonly Replayed[], delayDays: number): BacktestReport {
  const half = replayed.slice(Math.floor(replayed.length / 2));
  const scoredBy = (forecast: (item: Replayed) => number | null): readonly Scored[] =>
    half.flatMap((item) => {
      const p = forecast(item);
      return p === null ? [] : [{ p, label: item.change.label }];
    });
  return {
    rows: replayed.length,
    scored: half.length,
    defects: half.filter(({ change }) => change.label === 1).length,
    withTrees: half.filter(({ prediction }) => prediction.trees !== null).length,
    automation: {
      half: automationOf(replayed, delayDays, 1 / 2),
      three_quarters: automationOf(replayed, delayDays, 3 / 4),
    },
    models: {
      model: scoresOf(scoredBy(({ prediction }) => prediction.p)),
      logistic: scoresOf(scoredBy(({ prediction }) => prediction.logistic.p)),
      trees: scoresOf(scoredBy(({ prediction }) => prediction.trees)),
      formula: scoresOf(scoredBy(({ change }) => churnFormula(change.metrics))),
      lines_added: { ...NOTHING, auc: aucOf(scoredBy(({ change }) => change.metrics.la)) },
      base_rate: { ...scoresOf(scoredBy(({ baseRate }) => baseRate)), auc: null },
    },
  };
}

function scoresOf(scored: readonly Scored[]): Scores {
  if (scored.length === 0) return NOTHING;
  return { auc: aucOf(scored), brier: brierOf(scored), ece: eceOf(scored), logLoss: logLossMean(scored) };
}
