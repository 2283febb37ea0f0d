import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { FACT_NAMES, FACTS, isPossible, rangeOf, type FactName, type Facts } from "../domain/facts.ts";
import type { DecisionTx, StoredDecision } from "../store/decision-store.ts";

/** Arguments that several tools share, described once. */
export const idempotencyKey = z.string().min(1).max(200).optional();
/** Rules and reasons that one answer names. */
export const MOST_SHOWN = 10;
export const decisionId = z.string().max(60);

/** One loose record instead of ten typed members: half the tokens, and refusals in our own words. */
export const factsInput = z.record(z.string(), z.unknown());

export const FACTS_HINT =
  "your claims; they can raise a measured risk, never lower it. 0..1: coverage (of changed lines), test_failure_rate, complexity, historical_stability. Counts: tests_failed, protected_tests_touched, dependencies_changed, impact_radius (dependents), breaking_api_changes, secrets_found, security_vulnerability_detected. performance_degradation: .5 = half as long again. true/false: production_outage, data_loss_risk, legal_compliance_issue, code_review_disagreement, architectural_decision_needed, unfamiliar_technology_stack, edge_case_uncertainty. null: looked, not known";

/** Parts the facts that rules read from those that nothing reads yet. @throws {DomainError} invalid, limit */
export function readFacts(given: z.output<typeof factsInput> = {}): {
  readonly facts: Facts;
  readonly unread: readonly string[];
} {
  const entries = Object.entries(given);
  if (entries.length > 40)
    throw new DomainError("limit", "more than 40 facts were given", {
      hint: "give the facts that the schema names",
    });
  const facts: Record<string, number | null> = {};
  for (const name of FACT_NAMES) {
    const raw = Object.hasOwn(given, name) ? given[name] : undefined;
    if (raw === undefined) continue;
    const value = typeof raw === "boolean" && isCountable(name) ? Number(raw) : raw;
    if (value !== null && (typeof value !== "number" || !isPossible(name, value))) {
      throw new DomainError("invalid", `facts.${name} must be ${rangeOf(name)}`, {
        hint: "give null when it is not known",
      });
    }
    facts[name] = value;
  }
  const known: readonly string[] = FACT_NAMES;
  return {
    facts,
    unread: entries.map(([name]) => name.slice(0, 40)).filter((name) => !known.includes(name)),
  };
}

/** `true` is one of what is counted. */
function isCountable(name: FactName): boolean {
  return FACTS[name].kind === "flag" || FACTS[name].kind === "count";
}

/** @throws {DomainError} not_found */
export async function mustFindDecision(tx: DecisionTx, id: string): Promise<StoredDecision> {
  const decision = await tx.findDecision(id);
  if (decision === undefined)
    throw new DomainError("not_found", "there is no such decision", {
      hint: "use the decision_id that decide returned",
    });
  return decision;
}
