import { toIso } from "../../../kernel/clock.ts";
import { oneLine } from "../../../kernel/text.ts";
import type { Approval } from "../domain/approval.ts";
import type { StoredAssessment, StoredDecision } from "../store/decision-store.ts";

/** What a person is asked to answer for. Every line that holds foreign text is cleaned. */
export function describeRequest(
  approval: Approval,
  decision: StoredDecision,
  assessment: StoredAssessment | undefined,
): readonly string[] {
  const { risk, interval, level, basis } = decision.result;
  const range = assessment?.range ?? null;
  const digits = (value: number): string => value.toFixed(3);
  return [
    `approval   ${approval.id}`,
    `action     ${approval.action}`,
    `subject    ${oneLine(approval.subject, 200)}`,
    ...(range === null
      ? []
      : [`change     ${range.base ?? "(nothing)"}..${range.head} in ${oneLine(range.repo, 200)}`]),
    `risk       ${digits(risk)} (${level}; between ${digits(interval[0])} and ${digits(interval[1])}${basis === "claimed" ? "; claimed, not measured" : ""})`,
    ...decision.result.factors.map(
      (factor) =>
        `           ${factor.name}: ${factor.value === null ? "unknown" : digits(factor.value)}, ${oneLine(factor.basis, 120)}`,
    ),
    ...decision.reasons.map((reason) => `because    ${oneLine(reason, 200)}`),
    `asked by   ${oneLine(approval.requestedBy, 80)} at ${toIso(approval.requestedAt)}, open until ${toIso(approval.expiresAt)}`,
    `digest     ${approval.digest}`,
  ];
}
