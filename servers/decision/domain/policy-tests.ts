import type { Known } from "./expression.ts";
import { applyPolicy, severity, type Action, type ReadyPolicy, type Verdict } from "./policy.ts";

/** What the author of a policy expects of it. */
export interface PolicyTest {
  readonly name: string;
  readonly action: Action;
  readonly known: Known;
  readonly expect: Verdict;
  /** Rules that must be among those that fire. */
  readonly fires: readonly string[];
}

/** Says why a policy does not do what a test expects, or null where it does. */
export function failureOf(policy: ReadyPolicy, test: PolicyTest): string | null {
  const { verdict, rulesFired } = applyPolicy(policy, test.action, test.known);
  if (verdict !== test.expect) return `says ${verdict} by ${rulesFired[0] ?? "no rule"}, not ${test.expect}`;
  const silent = test.fires.filter((rule) => !rulesFired.includes(rule));
  return silent.length === 0 ? null : `${silent.join(", ")} did not fire, but ${rulesFired.join(", ")}`;
}

/** A decision of the past, with what was known then. */
export interface PastDecision {
  readonly id: string;
  readonly action: Action;
  readonly known: Known;
  readonly verdict: Verdict;
}

export interface Altered {
  readonly id: string;
  readonly from: Verdict;
  readonly to: Verdict;
  readonly rule: string;
}

export interface Impact {
  readonly decisions: number;
  readonly altered: readonly Altered[];
  readonly stricter: number;
  readonly milder: number;
}

/** What a policy would have said to decisions that were made already. */
export function impactOf(policy: ReadyPolicy, past: readonly PastDecision[]): Impact {
  const altered = past.flatMap(({ id, action, known, verdict }) => {
    const today = applyPolicy(policy, action, known);
    return today.verdict === verdict
      ? []
      : [{ id, from: verdict, to: today.verdict, rule: today.rulesFired[0] ?? "" }];
  });
  const stricter = altered.filter(({ from, to }) => severity(to) > severity(from)).length;
  return { decisions: past.length, altered, stricter, milder: altered.length - stricter };
}
