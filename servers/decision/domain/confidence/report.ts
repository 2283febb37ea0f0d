import { seededRandom } from "../learning/seeded-random.ts";
import { brierOf, eceOf, reliabilityOf, type Scored } from "../learning/scoring.ts";
import { upperBoundOf } from "../risk-budget.ts";
import { chosen } from "./chosen.ts";

/** How far forecasts came true. */
export interface Calibration {
  readonly n: number;
  readonly brier: number | null;
  readonly ece: number | null;
  /** 95 % of resampled histories: with few outcomes ECE is biased upwards, and this shows by how much it may be. */
  readonly ece_interval: readonly [number, number] | null;
  /** ECE that chance alone would give forecasts that are right. */
  readonly ece_by_chance: number | null;
  /** Bins of a tenth that hold something. */
  readonly reliability: readonly { readonly p: number; readonly rate: number; readonly n: number }[];
}

export interface Evidence {
  /** Stated confidence, and 1 for success; oldest first. */
  readonly statements: readonly Scored[];
  /** Risk, and 1 for a bad end. */
  readonly risks: readonly Scored[];
  readonly decided: readonly { readonly isAlone: boolean; readonly label: 0 | 1 }[];
}

const RESAMPLES = 200;
const SEED = 1;
/** The budget of what goes on alone, as a share of the rate of bad ends. */
const FRACTION = 1 / 2;

/** What outcomes say of forecasts and of what went on alone. */
export function reportOn({ statements, risks, decided }: Evidence): {
  readonly confidence: Calibration & { readonly ece_calibrated: number | null };
  readonly risk: Calibration;
  readonly automation: {
    readonly share: number | null;
    readonly realised: number | null;
    readonly upper: number | null;
    readonly budget: number | null;
    readonly isWithin: boolean | null;
  };
} {
  // Read by what came before its last quarter, so that it is judged on what it had not seen.
  const cut = Math.floor(statements.length * 0.75);
  const reading = statements.length < 40 ? null : chosen(statements.slice(0, cut));
  const alone = decided.filter(({ isAlone }) => isAlone);
  const bad = alone.filter(({ label }) => label === 1).length;
  const budget =
    decided.length === 0
      ? null
      : (FRACTION * decided.filter(({ label }) => label === 1).length) / decided.length;
  const realised = alone.length === 0 ? null : bad / alone.length;
  return {
    confidence: {
      ...calibrationOf(statements),
      ece_calibrated:
        reading === null
          ? null
          : eceOf(statements.slice(cut).map(({ p, label }) => ({ p: reading.calibrate(p), label }))),
    },
    risk: calibrationOf(risks),
    automation: {
      share: decided.length === 0 ? null : alone.length / decided.length,
      realised,
      upper: alone.length === 0 ? null : upperBoundOf(bad, alone.length),
      budget,
      isWithin: realised === null || budget === null ? null : realised <= budget,
    },
  };
}

/**
 * Brier score, ECE and a reliability table.
 *
 * Source: Brocker and Smith, Weather and Forecasting 22(3), 2007 (resampling to tell miscalibration from chance).
 */
export function calibrationOf(scored: readonly Scored[]): Calibration {
  if (scored.length === 0)
    return { n: 0, brier: null, ece: null, ece_interval: null, ece_by_chance: null, reliability: [] };
  const random = seededRandom(SEED);
  const drawn = (): Scored => scored[Math.floor(random() * scored.length)] ?? { p: 0, label: 0 };
  const resampled = Array.from({ length: RESAMPLES }, () => eceOf(scored.map(drawn))).sort((a, b) => a - b);
  const chance = Array.from({ length: RESAMPLES }, () =>
    eceOf(scored.map(({ p }) => ({ p, label: random() < p ? 1 : 0 }))),
  );
  return {
    n: scored.length,
    brier: brierOf(scored),
    ece: eceOf(scored),
    ece_interval: [resampled[5] ?? 0, resampled[RESAMPLES - 6] ?? 1],
    ece_by_chance: chance.reduce((sum, ece) => sum + ece, 0) / RESAMPLES,
    reliability: reliabilityOf(scored).flatMap(({ count, meanForecast, rate }) =>
      count === 0 ? [] : [{ p: meanForecast, rate, n: count }],
    ),
  };
}
