import { digestOf } from "../../../kernel/canonical-json.ts";
import type { Change } from "../domain/change.ts";
import type { Facts } from "../domain/facts.ts";
import { isManifest, measuredReadings } from "../domain/factors.ts";
import { scored } from "../domain/learned-risk.ts";
import { metricsOf, type Metrics } from "../domain/metrics.ts";
import type { Action, Policy } from "../domain/policy.ts";
import type { StoredAssessment } from "../store/decision-store.ts";
import { FORMULA, type CurrentModel } from "../store/current-model.ts";

/** Everything of an assessment that is not computed from the rest. */
export type Assessable = Omit<StoredAssessment, "result" | "digest">;

/** What a change itself tells, before anybody claims anything. */
export function measure(
  repo: string,
  change: Change,
  policyPaths: readonly string[],
): Pick<StoredAssessment, "range" | "metrics" | "measured" | "policyTouched"> {
  const metrics = metricsOf(change);
  const manifests = change.files.filter(
    (file) => isManifest(file.path) || isManifest(file.previousPath),
  ).length;
  return {
    range: { repo, base: change.base, head: change.head, author: change.author, authors: change.authors },
    metrics,
    measured: measuredReadings(metrics, manifests, change.contents.complexity),
    policyTouched: change.files.some((file) =>
      [file.path, file.previousPath].some((path) => isOneOf(policyPaths, path)),
    ),
  };
}

/** What was looked at inside the change, as the facts that rules read. They stand beside the caller's. */
export function factsOf({ contents: { coverage, breaks } }: Change): Facts {
  return {
    ...(coverage === null ? {} : { coverage: coverage.run / coverage.lines }),
    ...(breaks === null ? {} : { breaking_api_changes: breaks.length }),
  };
}

/** A file, or a folder above it that a link now stands for. Some file systems do not tell case apart. */
function isOneOf(policyPaths: readonly string[], path: string): boolean {
  const plain = path.toLowerCase();
  return policyPaths
    .map((one) => one.toLowerCase())
    .some((one) => one === plain || one.startsWith(`${plain}/`));
}

export const UNMEASURED: Pick<
  StoredAssessment,
  "range" | "metrics" | "measured" | "policyTouched" | "model" | "learned"
> = {
  range: null,
  metrics: null,
  measured: null,
  policyTouched: false,
  model: FORMULA,
  learned: null,
};

/** The model in force with what it says of a change; the formula where nothing was measured. */
export function judged(
  { named, trust, judge }: CurrentModel,
  metrics: Metrics | null,
): Pick<StoredAssessment, "model" | "learned"> {
  const risk = metrics === null ? null : judge(metrics);
  return risk === null ? { model: FORMULA, learned: null } : { model: named, learned: { risk, trust } };
}

/** Computes the risk and seals what was looked at. The digest leaves out who, when and under which path. */
export function assess(what: Assessable): StoredAssessment {
  const { measured, learned, model } = what;
  const result = scored(measured, what.claims, learned);
  const range = what.range === null ? null : { base: what.range.base, head: what.range.head };
  return {
    ...what,
    result,
    digest: digestOf({
      action: what.action,
      range,
      metrics: what.metrics,
      claims: what.claims,
      model: { name: model.name, version: model.version },
      ...(what.policyTouched ? { policy_touched: true } : {}),
      result,
    }),
  };
}

/** Names a policy by its content, so that a changed rule is a new version. */
export function versionOf(policy: Policy): string {
  return `${policy.name}@${digestOf(policy).slice(0, 12)}`;
}

/** What an approval is bound to: this action on this subject, as assessed, critical or not, under this policy. */
export function approvalDigest(
  action: Action,
  subject: string,
  policyVersion: string,
  isCritical: boolean,
  assessment: StoredAssessment,
): string {
  return digestOf({
    action,
    subject,
    policy_version: policyVersion,
    critical: isCritical,
    assessment: assessment.digest,
  });
}

/** Whether there is anything to assess. */
export function hasFacts(facts: Facts): boolean {
  return Object.values(facts).some((value) => value !== undefined);
}
