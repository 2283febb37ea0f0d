import { FACTORS, type FactorName, type Readings } from "./factors.ts";

/** The model's name as recorded with every assessment. A changed weight or half point is a new version. */
export const MODEL = {
  name: "weighted_formula",
  version: "2",
  trained_on: "nothing: the weights are fixed",
} as const;

/**
 * Weights of the factors; they add up to 1.
 *
 * Source: the project's design draft. Not a probability: a fixed score stands for other defect rates in other
 * repositories, which is why outcomes are recorded.
 */
export const WEIGHTS: Readonly<Record<FactorName, number>> = {
  complexity: 0.2,
  test_coverage: 0.3,
  dependency_changes: 0.2,
  historical_stability: 0.15,
  impact_radius: 0.15,
};

export type Level = "low" | "medium" | "high" | "critical";

/** Lower ends of the levels. */
const LEVELS: readonly (readonly [Level, number])[] = [
  ["critical", 0.8],
  ["high", 0.4],
  ["medium", 0.2],
  ["low", 0],
];

export interface Factor {
  readonly name: FactorName;
  /** 0..1, higher is riskier; null when unknown. */
  readonly value: number | null;
  /** Its part of the risk: these add up to it. */
  readonly contribution: number;
  readonly known: boolean;
  readonly source: "measured" | "claimed" | "unknown";
  readonly basis: string;
}

export interface Assessment {
  /** 0..1. */
  readonly risk: number;
  /** Where the risk would lie if what is unknown were as good, or as bad, as can be. */
  readonly interval: readonly [number, number];
  readonly level: Level;
  readonly factors: readonly Factor[];
  /** Sum of the weights of the known factors, 0..1. */
  readonly knownWeight: number;
  /** "claimed": nothing was measured, all rests on the caller's word. */
  readonly basis: "measured" | "claimed";
  /** Claims left out because they would have lowered the risk. */
  readonly ignored: readonly FactorName[];
}

interface Part {
  readonly name: FactorName;
  readonly value: number;
  readonly source: "measured" | "claimed";
  readonly basis: string;
}

/**
 * Scores a change: the weighted mean of the known factors. Weights of unknown factors go to the known ones, and the
 * interval widens by them.
 *
 * A claim beside a measurement may raise the risk and never lowers it: of two values of one factor the higher holds,
 * and a claim about an unmeasured factor counts only while it lies above the mean of the others. Without any
 * measurement (`measured` null) the formula runs over the claims alone, and the answer says so.
 */
export function scoreRisk(measured: Readings | null, claimed: Readings): Assessment {
  const parts = measured === null ? claimedParts(claimed) : combine(measured, claimed);
  const total = weightOf(parts);
  const byName = new Map(parts.map((part) => [part.name, part]));
  const factors = FACTORS.map((name): Factor => {
    const part = byName.get(name);
    if (part === undefined) {
      // With nothing known at all, every factor stands for one half of its weight: neither safe nor dangerous.
      const contribution = total === 0 ? WEIGHTS[name] / 2 : 0;
      return {
        name,
        value: null,
        contribution,
        known: false,
        source: "unknown",
        basis: (measured ?? claimed)[name].basis,
      };
    }
    return { ...part, contribution: (WEIGHTS[name] / total) * part.value, known: true };
  });
  const risk = clamp(sum(factors.map((factor) => factor.contribution)));
  return {
    risk,
    interval: intervalOf(measured, claimed),
    level: levelOf(risk),
    factors,
    knownWeight: total,
    basis: measured === null ? "claimed" : "measured",
    ignored:
      measured === null
        ? []
        : FACTORS.filter((name) => claimed[name].value !== null && byName.get(name)?.source !== "claimed"),
  };
}

export function levelOf(risk: number): Level {
  return LEVELS.find(([, from]) => risk >= from)?.[0] ?? "low";
}

function claimedParts(claimed: Readings): readonly Part[] {
  return FACTORS.flatMap((name) => partOf(name, claimed, "claimed"));
}

function partOf(name: FactorName, readings: Readings, source: Part["source"]): readonly Part[] {
  const { value, basis } = readings[name];
  return value === null
    ? []
    : [{ name, value, source, basis: source === "claimed" ? `claimed: ${basis}` : basis }];
}

/** The subset of claims that gives the highest mean: taken from the worst downwards, while they still raise it. */
function combine(measured: Readings, claimed: Readings): readonly Part[] {
  const known = FACTORS.flatMap((name): readonly Part[] => {
    const [own] = partOf(name, measured, "measured");
    const [claim] = partOf(name, claimed, "claimed");
    if (own === undefined) return [];
    return [claim !== undefined && claim.value > own.value ? claim : own];
  });
  const claims = FACTORS.filter((name) => measured[name].value === null)
    .flatMap((name) => partOf(name, claimed, "claimed"))
    .sort((a, b) => b.value - a.value);
  const parts = [...known];
  for (const claim of claims) {
    if (parts.length === 0 || claim.value > meanOf(parts)) parts.push(claim);
  }
  return parts;
}

/** A claim beside measurements bounds its factor from below: it may be worse than claimed, and is open to the top. */
function intervalOf(measured: Readings | null, claimed: Readings): readonly [number, number] {
  const bounds = FACTORS.map((name): readonly [number, number] => {
    const floor = Math.max(measured?.[name].value ?? 0, claimed[name].value ?? 0);
    const isSettled = (measured ?? claimed)[name].value !== null;
    return [WEIGHTS[name] * floor, WEIGHTS[name] * (isSettled ? floor : 1)];
  });
  return [clamp(sum(bounds.map(([low]) => low))), clamp(sum(bounds.map(([, high]) => high)))];
}

function meanOf(parts: readonly Part[]): number {
  return sum(parts.map((part) => WEIGHTS[part.name] * part.value)) / weightOf(parts);
}

function weightOf(parts: readonly Part[]): number {
  return clamp(sum(parts.map((part) => WEIGHTS[part.name])));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
