import type { Budget } from "./budget.ts";
import { conjunctsOf, holds, namesIn, type Expression, type Known } from "./expression.ts";

/** Verdicts from the mildest to the strictest. */
export const VERDICTS = [
  "auto_proceed",
  "proceed_with_monitoring",
  "request_review",
  "require_human",
  "block",
] as const;
export type Verdict = (typeof VERDICTS)[number];

export const ACTIONS = ["merge", "deploy", "command", "plan"] as const;
export type Action = (typeof ACTIONS)[number];

/** How soon somebody has to look, most urgent first. */
export const TIERS = ["immediate", "high", "standard"] as const;
export type Tier = (typeof TIERS)[number];

export interface Rule {
  readonly id: string;
  /** Left out: every action. */
  readonly actions?: readonly Action[];
  /** A condition in the rule language (`adapters/cel.ts`). What is not known neither fires a guard nor opens a rung. */
  readonly when: string;
  readonly verdict: Verdict;
  /** Why, in words for a person. */
  readonly because: string;
  /** A guard only: when it hangs on a fact that was looked at and is not known, a person is asked. */
  readonly critical?: boolean;
  /** A guard only: when it fires, somebody is told within the tier's time. */
  readonly tier?: Tier;
}

/**
 * A decision table as data: every guard that fires counts and the strictest wins; the ladder gives its first match,
 * else `otherwise`. The verdict is the stricter of the two.
 */
export interface Policy {
  readonly name: string;
  readonly guards: readonly Rule[];
  readonly ladder: readonly Rule[];
  readonly otherwise: Rule;
  /** How much of what goes on alone may end badly. Left out: rules alone decide. */
  readonly budget?: Budget;
  /** Whether an answer that the host asked its user for counts as a person's. Left out: it does not. */
  readonly elicitation?: boolean;
}

/** A rule whose condition has been read. */
export interface ReadyRule extends Rule {
  readonly condition: Expression;
}

/** A policy ready to be applied, and the data that it was made from. */
export interface ReadyPolicy {
  readonly source: Policy;
  readonly guards: readonly ReadyRule[];
  readonly ladder: readonly ReadyRule[];
  readonly otherwise: ReadyRule;
}

/** Reads the conditions of a policy, once. */
export function readyPolicy(source: Policy, read: (rule: Rule) => Expression): ReadyPolicy {
  const ready = (rule: Rule): ReadyRule => ({ ...rule, condition: read(rule) });
  return {
    source,
    guards: source.guards.map(ready),
    ladder: source.ladder.map(ready),
    otherwise: ready(source.otherwise),
  };
}

export interface Trigger {
  readonly rule: string;
  readonly tier: Tier;
  readonly because: string;
}

export interface Outcome {
  readonly verdict: Verdict;
  /** The rules that gave the verdict, then milder ones that also fired. */
  readonly rulesFired: readonly string[];
  readonly reasons: readonly string[];
  /** What somebody has to be told of, most urgent first. */
  readonly triggers: readonly Trigger[];
}

/** Applies a policy. Deterministic: the same knowledge always gives the same verdict. */
export function applyPolicy(policy: ReadyPolicy, action: Action, known: Known): Outcome {
  const facts = { ...known, action };
  const guards = guardsOver(policy, action, facts);
  const rung =
    policy.ladder.find((rule) => appliesTo(rule, action) && holds(rule.condition, facts) === true) ??
    policy.otherwise;
  const judged = strictestFirst([...guards, rung]);
  const budget = budgetRule(policy.source.budget, judged[0]?.verdict ?? rung.verdict, facts);
  const all = budget === null ? judged : strictestFirst([budget, ...judged]);
  const verdict = all[0]?.verdict ?? policy.otherwise.verdict;
  return {
    verdict,
    rulesFired: all.map((rule) => rule.id),
    reasons: all.filter((rule) => rule.verdict === verdict).map((rule) => rule.because),
    triggers: guards
      .flatMap(({ id, tier, because }) => (tier === undefined ? [] : [{ rule: id, tier, because }]))
      .sort((a, b) => TIERS.indexOf(a.tier) - TIERS.indexOf(b.tier)),
  };
}

/** Holds under every policy: whoever could change the rules unseen would need no other permission. */
const POLICY_TOUCHED: Rule = {
  id: "policy_touched",
  when: "policy_touched",
  verdict: "require_human",
  because: "the change touches the policy that judges it",
};

function guardsOver(policy: ReadyPolicy, action: Action, facts: Facts): readonly Rule[] {
  const { policy_touched: touched } = facts;
  return [
    ...(typeof touched === "number" && touched > 0 ? [POLICY_TOUCHED] : []),
    ...policy.guards.filter((rule) => appliesTo(rule, action)).flatMap((rule) => fired(rule, facts)),
  ];
}

/** What a budget says to a verdict that lets a change go on without anybody; null where it agrees. */
function budgetRule(budget: Budget | undefined, verdict: Verdict, known: Facts): Rule | null {
  const isAlone = verdict === "auto_proceed";
  if (budget === undefined || !(isAlone || verdict === "proceed_with_monitoring")) return null;
  const rule = termOf(budget, isAlone, known);
  return rule === null || severity(rule.verdict) <= severity(verdict) ? null : rule;
}

function termOf(
  budget: Budget,
  isAlone: boolean,
  { risk, risk_cut: cut, budget_used: used }: Facts,
): Rule | null {
  if (typeof used === "number" && used > 0)
    return {
      id: "budget_used_up",
      when: "budget_used",
      verdict: budget.usedUp,
      because: "the risk budget is used up: too much of what went on alone ended badly",
    };
  if (!isAlone) return null;
  if (typeof cut !== "number" || typeof risk !== "number")
    return {
      id: "budget_unproven",
      when: "missing(risk_cut)",
      verdict: budget.unproven,
      because: "outcomes so far do not show that any risk stays inside the budget",
    };
  if (risk <= cut) return null;
  return {
    id: "budget_exceeded",
    when: "risk > risk_cut",
    verdict: budget.beyond,
    because: "the risk lies above what outcomes so far show to stay inside the budget",
  };
}

function strictestFirst(rules: readonly Rule[]): readonly Rule[] {
  return rules.toSorted((a, b) => severity(b.verdict) - severity(a.verdict));
}

type Facts = Readonly<Record<string, number | string | null | undefined>>;

/** The guard where it fires, or what stands in for a critical one that nobody can tell. */
function fired(rule: ReadyRule, facts: Facts): readonly Rule[] {
  const answer = holds(rule.condition, facts);
  if (answer === true) return [rule];
  const unknown = namesIn(rule.condition).find((name) => Object.hasOwn(facts, name) && facts[name] === null);
  if (answer === false || rule.critical !== true || unknown === undefined) return [];
  return [
    {
      id: `${rule.id}_unknown`,
      when: `unknown(${unknown})`,
      verdict: severity(rule.verdict) > severity("require_human") ? "require_human" : rule.verdict,
      because: `${unknown} is critical and not known`,
    },
  ];
}

export function severity(verdict: Verdict): number {
  return VERDICTS.indexOf(verdict);
}

/** Whether a rule is about this kind of action. */
export function appliesTo(rule: Rule, action: Action): boolean {
  return rule.actions === undefined || rule.actions.includes(action);
}

/** What would have to be otherwise for milder verdicts: the guards that stand in the way, once, and what each rung lacks. */
export interface Milder {
  /** Of guards that fired, strictest first. */
  readonly guards: readonly string[];
  readonly rungs: readonly {
    readonly verdict: Verdict;
    readonly lacks: readonly string[];
    /** How many of the guards, from the first, stand above it. */
    readonly guards: number;
  }[];
}

/** The milder rungs, each with what would have to be otherwise for it to be the verdict. */
export function milderRungs(policy: ReadyPolicy, action: Action, known: Known, than: Verdict): Milder {
  const facts = { ...known, action };
  const guards = strictestFirst(guardsOver(policy, action, facts));
  const rungs = policy.ladder
    .filter((rule) => appliesTo(rule, action) && severity(rule.verdict) < severity(than))
    .map((rule) => {
      const budget = budgetRule(policy.source.budget, rule.verdict, facts);
      return {
        verdict: rule.verdict,
        lacks: [
          ...conjunctsOf(rule.condition)
            .filter((condition) => holds(condition, facts) !== true)
            .map((condition) => phrase(condition, facts)),
          ...(budget === null ? [] : [standing(budget)]),
        ],
        guards: guards.filter((guard) => severity(guard.verdict) > severity(rule.verdict)).length,
      };
    });
  return { guards: guards.slice(0, Math.max(0, ...rungs.map((rung) => rung.guards))).map(standing), rungs };
}

function standing({ id, because }: Rule): string {
  return `not ${id}: ${because}`;
}

function phrase(condition: Expression, known: Facts): string {
  const names = namesIn(condition);
  const values = names.map((name) => {
    const value = known[name] ?? null;
    const shown =
      typeof value === "number" ? String(Math.round(value * 1000) / 1000) : (value ?? "not known");
    return names.length === 1 ? shown : `${name} ${shown}`;
  });
  const text = condition.kind === "compare" ? condition.text : names.join(", ");
  return `${text} (is ${values.join(", ")})`;
}
