import type { Change } from "./change.ts";
import type { FactorName } from "./factors.ts";
import type { Assessment } from "./formula.ts";

const HOW_TO_KNOW: Readonly<Record<FactorName, string>> = {
  complexity: "complexity is not known: give facts.complexity (0..1)",
  test_coverage: "coverage is not known: give facts.coverage, the share of changed lines that tests run",
  dependency_changes: "dependency changes are not known: give facts.dependencies_changed",
  historical_stability: "these files have no history to judge by: a review stands in for it",
  impact_radius: "the impact is not known: give facts.impact_radius, the number of dependents",
};

// Beyond this a reviewer finds less per line. Source: Cisco code review study, SmartBear 2006 (200 to 400 lines).
const LARGE_LINES = 400;

/** What would make the change safer or better known, most useful first; at most eight short lines. */
export function adviceFor(
  assessment: Assessment,
  change: Change | null,
  unreadFacts: readonly string[],
): readonly string[] {
  const lines: string[] = [];
  if (change !== null) lines.push(...adviceOnChange(change));
  for (const factor of assessment.factors) if (!factor.known) lines.push(HOW_TO_KNOW[factor.name]);
  if (assessment.basis === "claimed") lines.push("nothing was measured: give repo, base and head");
  if (assessment.ignored.length > 0)
    lines.push(`claims never lower a measured risk; without effect: ${assessment.ignored.join(", ")}`);
  if (unreadFacts.length > 0) lines.push(`no rule reads these facts: ${unreadFacts.slice(0, 5).join(", ")}`);
  return lines.slice(0, 8);
}

function adviceOnChange(change: Change): readonly string[] {
  const lines: string[] = [];
  const churn = change.files.reduce((sum, file) => sum + (file.added ?? 0) + (file.deleted ?? 0), 0);
  const binary = change.files.filter((file) => file.added === null).length;
  if (change.files.length === 0) lines.push("the range is empty: there is nothing to land");
  if (churn > LARGE_LINES) lines.push(`${churn} lines change: split the work into smaller changes`);
  const { coverage, breaks } = change.contents;
  if (coverage !== null) {
    const unknown =
      coverage.unknown.length === 0 ? "" : `; not in it: ${coverage.unknown.slice(0, 3).join(", ")}`;
    lines.push(
      `${coverage.run} of ${coverage.lines} changed lines are run, says ${coverage.report}${unknown}`,
    );
  }
  for (const broken of (breaks ?? []).slice(0, 3)) lines.push(`breaks others: ${broken}`);
  if (binary > 0) lines.push(`${binary} binary files could not be measured: look at them`);
  if (change.historyCut) lines.push("only the newest part of the history was read");
  return lines;
}
