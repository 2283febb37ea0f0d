import { namesIn, thresholdsIn } from "./expression.ts";
import { FACT_NAMES, FACTS, type FactName, type Facts } from "./facts.ts";
import { FACTORS, HALF_POINTS, saturate, type FactorName, type Readings } from "./factors.ts";
import type { Metrics } from "./metrics.ts";
import { appliesTo, severity, type Action, type ReadyPolicy, type Verdict } from "./policy.ts";

/** All that a verdict was given on and that could have been otherwise. */
export interface Situation {
  readonly claims: Facts;
  readonly measured: Readings | null;
  /** Null where nothing was measured, or where no learned model can be asked again. */
  readonly metrics: Metrics | null;
  /** As stated, or what stands in for it. */
  readonly confidence: number;
  readonly isCritical: boolean;
}

/** One thing that would have been otherwise. */
export interface Difference {
  /** A fact, `confidence`, `critical`, a measured factor, or a metric of the change (`la`, `nf`). */
  readonly factor: string;
  /** Null: it was not known. */
  readonly from: number | null;
  readonly to: number;
}

/** What would have given another verdict. */
export interface Counterfactual extends Difference {
  readonly verdict: Verdict;
  readonly words: string;
  /** What would have to be otherwise as well; there where no single change is enough. */
  readonly also?: Difference;
}

/** Something that can be set, and to what: ends first, then what rules compare it with. */
interface Lever {
  readonly factor: string;
  readonly from: number | null;
  readonly tries: readonly number[];
  readonly isWhole: boolean;
  set(situation: Situation, to: number): Situation;
  words(to: number): string;
}

type Judge = (situation: Situation) => Verdict;

// Well below the three digits that people are shown.
const STEP = 1e-4;
/** Pairs that are made smaller before the smallest is chosen. */
const PAIRS = 12;
/** Far beyond the half point of everything that is counted. */
const MANY = 1_000;

/**
 * The smallest single change that gives a milder verdict; else the smallest pair; else the smallest single change that
 * gives a stricter one; null where there is none. What it names gives `verdict` when it is judged again.
 */
export function counterfactualOf(
  policy: ReadyPolicy,
  action: Action,
  situation: Situation,
  judge: Judge,
): Counterfactual | null {
  const now = severity(judge(situation));
  const levers = leversOf(policy, action, situation);
  const milder = (verdict: Verdict): boolean => severity(verdict) < now;
  const stricter = (verdict: Verdict): boolean => severity(verdict) > now;
  return (
    smallest(levers, situation, judge, milder) ??
    (now === 0 ? null : smallestPair(levers, situation, judge, milder)) ??
    smallest(levers, situation, judge, stricter)
  );
}

interface Found {
  readonly lever: Lever;
  readonly to: number;
  readonly size: number;
}

function smallest(
  levers: readonly Lever[],
  situation: Situation,
  judge: Judge,
  isWanted: (verdict: Verdict) => boolean,
): Counterfactual | null {
  const [best] = levers
    .flatMap((lever) => {
      const found = turningPoint(lever, situation, judge, isWanted);
      return found === null ? [] : [found];
    })
    .sort((a, b) => a.size - b.size);
  if (best === undefined) return null;
  const { lever, to } = best;
  return { ...differenceOf(best), verdict: judge(lever.set(situation, to)), words: lever.words(to) };
}

function smallestPair(
  levers: readonly Lever[],
  situation: Situation,
  judge: Judge,
  isWanted: (verdict: Verdict) => boolean,
): Counterfactual | null {
  const ends = levers.flatMap((lever) =>
    lever.tries.slice(0, 1).map((to) => ({ lever, to, size: sizeOf(lever, to) })),
  );
  const pairs = ends
    .flatMap((first, index) => ends.slice(index + 1).map((second) => [first, second] as const))
    .filter(([a, b]) => isWanted(judge(b.lever.set(a.lever.set(situation, a.to), b.to))))
    .sort((a, b) => a[0].size + a[1].size - (b[0].size + b[1].size))
    .slice(0, PAIRS)
    .map(([a, b]): readonly [Found, Found] => {
      const first = turningPoint(a.lever, b.lever.set(situation, b.to), judge, isWanted) ?? a;
      const second = turningPoint(b.lever, first.lever.set(situation, first.to), judge, isWanted) ?? b;
      return [first, second];
    })
    .sort((a, b) => a[0].size + a[1].size - (b[0].size + b[1].size));
  const [best] = pairs;
  if (best === undefined) return null;
  const [one, two] = best;
  return {
    ...differenceOf(one),
    also: differenceOf(two),
    verdict: judge(two.lever.set(one.lever.set(situation, one.to), two.to)),
    words: `${one.lever.words(one.to)}, and ${two.lever.words(two.to)}`,
  };
}

function differenceOf({ lever, to }: Found): Difference {
  return { factor: lever.factor, from: lever.from, to };
}

/** The wanted setting of one lever that is nearest to what is. */
function turningPoint(
  lever: Lever,
  situation: Situation,
  judge: Judge,
  isWanted: (verdict: Verdict) => boolean,
): Found | null {
  const gives = (to: number): boolean => isWanted(judge(lever.set(situation, to)));
  const [nearest] = lever.tries
    .filter(gives)
    .map((end) => {
      const to = lever.from === null ? end : halved(lever.from, end, lever.isWhole, gives);
      return { lever, to, size: sizeOf(lever, to) };
    })
    .sort((a, b) => a.size - b.size);
  return nearest ?? null;
}

/** The value nearest to `from`, on the way to `end`, that is wanted, to within a step; `end` itself is. */
function halved(from: number, end: number, isWhole: boolean, isWanted: (value: number) => boolean): number {
  let [not, wanted] = [from, end];
  while (Math.abs(wanted - not) > (isWhole ? 1 : STEP)) {
    const middle = (not + wanted) / 2;
    const at = isWhole ? Math.trunc(middle) : middle;
    if (isWanted(at)) wanted = at;
    else not = at;
  }
  if (isWhole) return wanted;
  // Four digits are what people can take down, where they still give the verdict.
  const round = wanted < from ? Math.floor : Math.ceil;
  const plain = round(wanted * 1e4) / 1e4;
  return Math.abs(plain - from) <= Math.abs(end - from) && isWanted(plain) ? plain : wanted;
}

/** How much is asked: 0..1, where all of a share is 1; what was not known has to be found out. */
function sizeOf({ from, isWhole }: Lever, to: number): number {
  if (from === null) return 1;
  const distance = Math.abs(to - from);
  return isWhole ? saturate(distance, 1) : Math.min(1, distance);
}

function leversOf(policy: ReadyPolicy, action: Action, situation: Situation): readonly Lever[] {
  const conditions = [...policy.guards, ...policy.ladder]
    .filter((rule) => appliesTo(rule, action))
    .map(({ condition }) => condition);
  const named = new Set(conditions.flatMap(namesIn));
  const thresholds = conditions.flatMap(thresholdsIn);
  const around = (name: string): readonly number[] =>
    thresholds.filter((one) => one.name === name).map(({ value }) => value);
  const facts = FACT_NAMES.filter(
    (name) => named.has(name) || name in SCORED || situation.claims[name] !== undefined,
  ).map((name) => factLever(name, situation, around(name)));
  return [
    ...facts,
    ...measuredLevers(situation),
    lever({
      factor: "confidence",
      from: situation.confidence,
      tries: [1, 0, ...around("confidence").flatMap((at) => [at, at + STEP, at - STEP])],
      isWhole: false,
      least: 0,
      most: 1,
      set: (one, confidence) => ({ ...one, confidence }),
    }),
    lever({
      factor: "critical",
      from: situation.isCritical ? 1 : 0,
      tries: [0, 1],
      isWhole: true,
      least: 0,
      most: 1,
      set: (one, critical) => ({ ...one, isCritical: critical === 1 }),
    }),
  ];
}

/** Facts that the formula reads, named by a rule or not. */
const SCORED: { readonly [K in FactName]?: FactorName } = {
  coverage: "test_coverage",
  complexity: "complexity",
  dependencies_changed: "dependency_changes",
  impact_radius: "impact_radius",
  historical_stability: "historical_stability",
};

function factLever(name: FactName, { claims }: Situation, thresholds: readonly number[]): Lever {
  const { kind, riskier } = FACTS[name];
  const isWhole = kind === "count" || kind === "flag";
  const worst = kind === "count" ? MANY : kind === "ratio" ? 10 : 1;
  const ends = riskier === "higher" ? [0, worst] : [worst, 0];
  const step = isWhole ? 1 : STEP;
  return lever({
    factor: name,
    from: claims[name] ?? null,
    tries: [...ends, ...thresholds.flatMap((at) => [at, at + step, at - step])],
    isWhole,
    least: 0,
    most: kind === "share" || kind === "flag" ? 1 : Number.POSITIVE_INFINITY,
    set: (one, to) => ({ ...one, claims: { ...one.claims, [name]: to } }),
  });
}

/** What the change itself could have been: its lines and files where a model reads them, else the measured factors. */
function measuredLevers({ measured, metrics }: Situation): readonly Lever[] {
  if (measured === null) return [];
  const lines = metrics?.la ?? null;
  if (metrics !== null) {
    return [
      ...(lines === null
        ? []
        : [
            countLever("la", lines, 0, "lines added", (one, la) => ({
              ...one,
              metrics: one.metrics === null ? null : { ...one.metrics, la },
              measured: withFactor(
                one,
                "complexity",
                lines + (metrics.ld ?? 0),
                la + (metrics.ld ?? 0),
                HALF_POINTS.lines,
              ),
            })),
          ]),
      countLever("nf", metrics.nf, 1, "files", (one, nf) => ({
        ...one,
        metrics: one.metrics === null ? null : { ...one.metrics, nf },
        measured: withFactor(one, "impact_radius", metrics.nf, nf, HALF_POINTS.files),
      })),
    ];
  }
  return FACTORS.flatMap((name): readonly Lever[] => {
    const { value, basis } = measured[name];
    if (value === null) return [];
    return [
      {
        ...lever({
          factor: name,
          from: value,
          tries: [0, 1],
          isWhole: false,
          least: 0,
          most: 1,
          set: (one, to) => ({
            ...one,
            measured: one.measured === null ? null : { ...one.measured, [name]: { value: to, basis } },
          }),
        }),
        words: (to) => factorWords(name, value, to, basis),
      },
    ];
  });
}

function countLever(factor: string, from: number, least: number, what: string, set: Lever["set"]): Lever {
  return {
    ...lever({ factor, from, tries: [least, 10 * MANY], isWhole: true, least, most: 10 * MANY, set }),
    words: (to) => `${to} ${what} instead of ${from}`,
  };
}

/** A factor that is the riskier of an amount and something else, at another amount. */
function withFactor(
  { measured }: Situation,
  name: FactorName,
  was: number,
  is: number,
  half: number,
): Readings | null {
  const value = measured?.[name].value ?? null;
  if (measured === null || value === null) return measured;
  const [before, after] = [saturate(was, half), saturate(is, half)];
  const isOther = value > before + 1e-12;
  return { ...measured, [name]: { ...measured[name], value: isOther ? Math.max(value, after) : after } };
}

function lever({
  factor,
  from,
  tries,
  isWhole,
  least,
  most,
  set,
}: Omit<Lever, "words"> & { readonly least: number; readonly most: number }): Lever {
  return {
    ...{ factor, from, isWhole, set },
    tries: [...new Set(tries)].filter(
      (to) => to >= least && to <= most && to !== from && (!isWhole || Number.isInteger(to)),
    ),
    words: (to) => `${factor} at ${shown(to)} instead of ${from === null ? "not known" : shown(from)}`,
  };
}

function shown(value: number): string {
  return String(Math.round(value * 1e4) / 1e4);
}

/** Turns a factor's value back into what a person can count. */
function factorWords(name: FactorName, from: number, to: number, basis: string): string {
  const amount = (half: number): number => Math.floor((half * to) / Math.max(1e-9, 1 - to));
  if (name === "complexity") return `about ${amount(HALF_POINTS.lines)} lines instead (now: ${basis})`;
  if (name === "impact_radius") return `about ${amount(HALF_POINTS.files)} files instead (now: ${basis})`;
  return `${name} at ${to.toFixed(3)} instead of ${from.toFixed(3)} (${basis})`;
}
