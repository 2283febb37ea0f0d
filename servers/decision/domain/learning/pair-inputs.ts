import { FEATURES } from "./features.ts";
import type { Inputs } from "./online-logistic.ts";
import type { RunningScale } from "./running-scale.ts";

/** One input of each kind: spread, size, what was there before, who knew it, how old and how often changed. */
const PAIRED = [
  "nf",
  "la",
  "lt",
  "ndev",
  "age",
  "nuc",
  "exp",
  "entropy",
] as const satisfies readonly (typeof FEATURES)[number][];

const PLACES = PAIRED.map((name) => FEATURES.indexOf(name));

/** How many products `withPairs` adds. */
export const PAIRS = (PAIRED.length * (PAIRED.length - 1)) / 2;

/** The inputs, and after them the product of every two of the paired ones in standard scores; null where one is unknown. */
export function withPairs(inputs: Inputs, scale: RunningScale): Inputs {
  const scores = scale.standardise(inputs);
  const wide = [...inputs];
  for (const [i, a] of PLACES.entries()) {
    for (const b of PLACES.slice(0, i)) {
      const isKnown = typeof inputs[a] === "number" && typeof inputs[b] === "number";
      wide.push(isKnown ? (scores[a] ?? 0) * (scores[b] ?? 0) : null);
    }
  }
  return wide;
}
