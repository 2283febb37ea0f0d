import { digestOf } from "../../../kernel/canonical-json.ts";
import type { Change } from "../domain/change.ts";
import type { Facts } from "../domain/facts.ts";
import { claimedReadings, isManifest, measuredReadings } from "../domain/factors.ts";
import { MODEL, scoreRisk } from "../domain/formula.ts";
import { metricsOf } from "../domain/metrics.ts";
import type { Action, Policy } from "../domain/policy.ts";
import type { StoredAssessment } from "../store/decision-store.ts";

/** Everything of an assessment that does not come from the formula. */
export type Assessable = Pick<
  StoredAssessment,
  "id" | "action" | "range" | "metrics" | "measured" | "claims" | "principal" | "at"
>;

/** What a change itself tells, before anybody claims anything. */
export function measure(
  repo: string,
  change: Change,
): Pick<StoredAssessment, "range" | "metrics" | "measured"> {
  const metrics = metricsOf(change);
  const manifests = change.files.filter(
    (file) => isManifest(file.path) || isManifest(file.previousPath),
  ).length;
  return {
    range: { repo, base: change.base, head: change.head, author: change.author },
    metrics,
    measured: measuredReadings(metrics, manifests),
  };
}

export const UNMEASURED: Pick<StoredAssessment, "range" | "metrics" | "measured"> = {
  range: null,
  metrics: null,
  measured: null,
};

/** Runs the formula and seals what was looked at. The digest leaves out who, when and under which path. */
export function assess(what: Assessable): StoredAssessment {
  const result = scoreRisk(what.measured, claimedReadings(what.claims));
  const model = { name: MODEL.name, version: MODEL.version };
  const range = what.range === null ? null : { base: what.range.base, head: what.range.head };
  return {
    ...what,
    model,
    result,
    digest: digestOf({
      action: what.action,
      range,
      metrics: what.metrics,
      claims: what.claims,
      model,
      result,
    }),
  };
}

/** Names a policy by its content, so that a changed rule is a new version. */
export function versionOf(policy: Policy): string {
  return `${policy.name}@${digestOf(policy).slice(0, 12)}`;
}

/** What an approval is bound to: this action on this subject, as assessed, under this policy. */
export function approvalDigest(
  action: Action,
  subject: string,
  policyVersion: string,
  assessment: StoredAssessment,
): string {
  return digestOf({ action, subject, policy_version: policyVersion, assessment: assessment.digest });
}

/** Whether there is anything to assess. */
export function hasFacts(facts: Facts): boolean {
  return Object.values(facts).some((value) => value !== undefined);
}
