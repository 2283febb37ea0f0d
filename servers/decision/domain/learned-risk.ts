import { claimedReadings, FACTORS, type Readings } from "./factors.ts";
import type { Facts } from "./facts.ts";
import { levelOf, scoreRisk, type Assessment, type Factor } from "./formula.ts";
import type { LearnedRisk } from "./learning/living-model.ts";

/** How far a learned model may be trusted: "raise" where its labels rest on the word of those it judges. */
export type Trust = "full" | "raise";

const MOST_TURNS = 16;

/** What a learned model said of a change, and how far it is trusted. */
export interface Learned {
  readonly risk: LearnedRisk;
  readonly trust: Trust;
}

/** Scores a change by the formula, and by the learned model where one spoke. */
export function scored(measured: Readings | null, claims: Facts, learned: Learned | null): Assessment {
  const formula = scoreRisk(measured, claimedReadings(claims));
  return learned === null
    ? formula
    : withLearned(formula, scoreRisk(measured, claimedReadings({})), learned.risk, learned.trust);
}

/**
 * The assessment with the learned risk in place of the formula's.
 *
 * `claimed` is the formula with the caller's facts, `measured` without them. What the facts added there they add here, as
 * a further way to fail: 1 - (1 - p)(1 - claimed)/(1 - measured). Contributions add up to the risk: what a change of
 * which nothing is known would have is dealt out evenly, the learned parts go to their factors, and what is added goes
 * to the factors that were claimed, or evenly. The interval is the model's, widened by half of the unknown weight.
 */
export function withLearned(
  claimed: Assessment,
  measured: Assessment,
  learned: LearnedRisk,
  trust: Trust,
): Assessment {
  const rest = (1 - claimed.risk) / Math.max(1e-9, 1 - measured.risk);
  const raised = 1 - (1 - learned.p) * rest;
  const least = trust === "raise" ? Math.max(learned.p, claimed.risk) : learned.p;
  const aim = Math.min(1, Math.max(least, raised));
  const given = claimed.factors.filter(({ source }) => source === "claimed");
  const raisers = given.length === 0 ? claimed.factors : given;
  const each = (aim - learned.p) / raisers.length;
  const factors = reaching(
    aim,
    claimed.factors.map((factor) => ({
      ...factor,
      contribution:
        learned.start / FACTORS.length +
        (learned.parts[factor.name] ?? 0) +
        (raisers.includes(factor) ? each : 0),
    })),
  );
  // What people add up from left to right is the risk, to the last digit.
  const risk = Math.min(1, Math.max(0, sumOf(factors)));
  const unknown = (1 - claimed.knownWeight) / 2;
  const low = Math.min(risk, learned.interval[0]) * (1 - unknown);
  // What raises the risk raises what it may be at most.
  const high = Math.max(risk, learned.interval[1], 1 - (1 - learned.interval[1]) * rest);
  return {
    ...claimed,
    risk,
    interval: [low, high + (1 - high) * unknown],
    level: levelOf(risk),
    factors,
  };
}

function sumOf(factors: readonly Factor[]): number {
  return factors.reduce((total, { contribution }) => total + contribution, 0);
}

/** Rounding must not leave the sum below what a risk is raised to: the last digit of the last part makes up for it. */
function reaching(aim: number, factors: readonly Factor[]): readonly Factor[] {
  const last = factors.length - 1;
  let parts = factors;
  for (let turn = 0; turn < MOST_TURNS && sumOf(parts) < aim; turn += 1)
    parts = parts.map((factor, at) =>
      at === last ? { ...factor, contribution: factor.contribution + Number.EPSILON / 2 } : factor,
    );
  return parts;
}
