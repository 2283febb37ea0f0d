import { FACTORS, type FactorValues } from "./factors.ts";
import { WEIGHTS } from "./formula.ts";

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
