import { FACTORS, HALF_POINTS, type FactorName, type FactorValues } from "./factors.ts";
import { WEIGHTS, type Factor } from "./formula.ts";
import type { Known } from "./expression.ts";
import { applyPolicy, type Action, type ReadyPolicy, type Verdict } from "./policy.ts";

/** One changed factor, or the risk as a whole, that alone would have changed the verdict. */
export interface Counterfactual {
  readonly factor: FactorName | "risk";
  readonly from: number;
  readonly to: number;
  readonly verdict: Verdict;
  /** The change in the factor's own unit where it has one. */
  readonly words: string;
}

/** The part of a decision that explaining it needs. */
export interface Decided {
  readonly action: Action;
  readonly known: Known;
  readonly verdict: Verdict;
  readonly factors: readonly Factor[];
}

// Well below the three digits that people are shown.
const STEP = 1e-4;

/**
 * Finds the smallest change of one known factor that would have changed the verdict: to a milder one where that is
 * possible, else to a stricter one. Null when no single factor can.
 */
export function counterfactualOf(policy: ReadyPolicy, decided: Decided): Counterfactual | null {
  const known = decided.factors.filter((factor) => factor.known);
  const candidates = (end: 0 | 1): readonly Counterfactual[] =>
    known
      .flatMap((factor) => {
        const found = turningPoint(policy, decided, factor, end);
        return found === null ? [] : [found];
      })
      .sort((a, b) => Math.abs(a.to - a.from) - Math.abs(b.to - b.from));
  return candidates(0)[0] ?? candidates(1)[0] ?? null;
}

/**
 * The same for a learned risk, which is no sum over the factors' values: how far the risk itself is from another verdict.
 */
export function riskCounterfactualOf(policy: ReadyPolicy, decided: Decided): Counterfactual | null {
  const from = decided.known["risk"] ?? null;
  if (from === null) return null;
  const verdictAt = (risk: number): Verdict =>
    applyPolicy(policy, decided.action, { ...decided.known, risk }).verdict;
  for (const end of [0, 1]) {
    if (verdictAt(end) === decided.verdict) continue;
    const to = halved(from, end, (risk) => verdictAt(risk) === decided.verdict);
    return {
      factor: "risk",
      from,
      to,
      verdict: verdictAt(to),
      words: `a risk of ${to.toFixed(3)} instead of ${from.toFixed(3)}`,
    };
  }
  return null;
}

/** The value nearest to `from`, on the way to `end`, where `isSame` no longer holds, to within a step. */
function halved(from: number, end: number, isSame: (value: number) => boolean): number {
  let [same, other] = [from, end];
  while (Math.abs(other - same) > STEP) {
    const middle = (same + other) / 2;
    if (isSame(middle)) same = middle;
    else other = middle;
  }
  return other;
}

/** The verdict never falls as a factor rises, so the turning point is found by halving. */
function turningPoint(
  policy: ReadyPolicy,
  decided: Decided,
  factor: Factor,
  end: 0 | 1,
): Counterfactual | null {
  if (factor.value === null) return null;
  const from = factor.value;
  const total = decided.known["known_weight"] ?? 1;
  // Summed exactly as the formula does, so that a risk on a threshold falls on the same side here and there.
  const riskAt = (value: number): number =>
    decided.factors.reduce(
      (sum, each) =>
        sum + (each.name === factor.name ? (WEIGHTS[each.name] / total) * value : each.contribution),
      0,
    );
  const verdictAt = (value: number): Verdict =>
    applyPolicy(policy, decided.action, { ...decided.known, risk: clamp(riskAt(value)) }).verdict;
  if (verdictAt(end) === decided.verdict) return null;
  const other = halved(from, end, (value) => verdictAt(value) === decided.verdict);
  return { factor: factor.name, from, to: other, verdict: verdictAt(other), words: wordsFor(factor, other) };
}

/** Turns a factor's value back into what a person can count. Only measured factors have such a unit. */
function wordsFor(factor: Factor, to: number): string {
  const amount = (half: number): number => Math.floor((half * to) / Math.max(1e-9, 1 - to));
  if (factor.source === "measured" && factor.name === "complexity")
    return `about ${amount(HALF_POINTS.lines)} lines instead (now: ${factor.basis})`;
  if (factor.source === "measured" && factor.name === "impact_radius")
    return `about ${amount(HALF_POINTS.files)} files instead (now: ${factor.basis})`;
  return `${factor.name} at ${to.toFixed(3)} instead of ${(factor.value ?? 0).toFixed(3)} (${factor.basis})`;
}

/**
 * How unlike two assessments are: the root mean square difference over factors that both know, weighted as in the
 * formula. 0 alike, 1 opposite; null when they share no known factor.
 */
export function distanceOf(a: FactorValues, b: FactorValues): number | null {
  let weight = 0;
  let squares = 0;
  for (const [index, name] of FACTORS.entries()) {
    const [mine, theirs] = [a[index], b[index]];
    if (typeof mine !== "number" || typeof theirs !== "number") continue;
    weight += WEIGHTS[name];
    squares += WEIGHTS[name] * (mine - theirs) ** 2;
  }
  return weight === 0 ? null : Math.sqrt(squares / weight);
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
