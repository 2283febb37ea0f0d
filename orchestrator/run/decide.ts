import { z } from "zod";
import { digestOf } from "../../kernel/canonical-json.ts";
import type { GateResult } from "../gates/gate.ts";
import type { PlannedRun, PlannedTask } from "./context.ts";

const Assessed = z.looseObject({ assessment_id: z.string(), risk: z.number(), level: z.string() });
const Decided = z.object({
  decision_id: z.string(),
  verdict: z.enum(["auto_proceed", "proceed_with_monitoring", "request_review", "require_human", "block"]),
  reasons: z.array(z.string()),
  approval_id: z.string().optional(),
});
const Approval = z.looseObject({ status: z.enum(["pending", "approved", "denied", "expired"]) });

/** The verdict over a change, as the run keeps it. */
export const Decision = z.object({
  decision_id: z.string(),
  verdict: z.string(),
  risk: z.number(),
  reasons: z.array(z.string()),
  approval_id: z.string(),
});

export type Decision = z.output<typeof Decision>;

/** What a decision means for the change now. */
export type Ruling = { readonly kind: "proceed" } | { readonly kind: "rejected"; readonly reasons: readonly string[] } | { readonly kind: "waiting"; readonly reasons: readonly string[] };

/**
 * Asks for the risk of a change and for a verdict over it. The approval it may need is bound to exactly this commit
 * on exactly this target.
 */
export async function decide(
  run: PlannedRun,
  task: PlannedTask,
  attempt: number,
  change: { readonly base: string; readonly commit: string; readonly undeclared: readonly string[] },
  reviewed: GateResult,
): Promise<Decision> {
  const { hosts, options, journal } = run;
  const key = `${journal.runId}/t/${task.ref}/a${attempt}`;
  const assessed = await hosts.decision.call(
    "assess_risk",
    { action: "merge", repo: options.repo, base: change.base, head: change.commit, facts: { test_failure_rate: 0 }, idempotency_key: `${key}/assess` },
    Assessed,
  );
  const decided = await hosts.decision.call(
    "decide",
    {
      action: "merge",
      assessment_id: assessed.assessment_id,
      confidence: confidenceOf(task, reviewed, change.undeclared.length),
      ...(task.critical === true ? { critical: true } : {}),
      subject: digestOf({ commit: change.commit, target: options.target, repo: options.repo }),
      idempotency_key: `${key}/decide`,
    },
    Decided,
  );
  return { decision_id: decided.decision_id, verdict: decided.verdict, risk: assessed.risk, reasons: decided.reasons, approval_id: decided.approval_id ?? "" };
}

/**
 * How sure the run is of a change that passed its acceptance: half by the proof alone, more where tests were red
 * before, and where somebody else approved; less where it went outside its paths. Our own estimate, not a probability.
 */
function confidenceOf(task: PlannedTask, reviewed: GateResult, undeclared: number): number {
  const acceptance = task.acceptance ?? [];
  if (acceptance.length === 0) return 0.3;
  const turnedGreen = acceptance.some((item) => "tests" in item && item.must_fail_before === true);
  return Math.max(0, 0.5 + (turnedGreen ? 0.2 : 0) + (reviewed.verdict === "pass" ? 0.2 : 0) - (undeclared > 0 ? 0.2 : 0));
}

/** Autonomy from which a passed review, or passed acceptance where no reviewer is configured, satisfies request_review. */
const REVIEWED_IS_ENOUGH = 3;

/** Turns a verdict into what happens now, looking up the person's answer where one is needed. */
export async function ruling(run: PlannedRun, decision: Decision): Promise<Ruling> {
  const { autonomy } = run.options;
  switch (decision.verdict) {
    case "auto_proceed":
    case "proceed_with_monitoring":
      if (autonomy > 1) return { kind: "proceed" };
      break;
    case "request_review":
      if (autonomy >= REVIEWED_IS_ENOUGH) return { kind: "proceed" };
      break;
    case "block":
      return { kind: "rejected", reasons: decision.reasons };
    default:
      break;
  }
  if (decision.approval_id === "") return { kind: "rejected", reasons: [`${decision.verdict} at autonomy ${autonomy}, and nobody can be asked`] };
  const { status } = await run.hosts.decision.call("get_approval", { approval_id: decision.approval_id }, Approval);
  switch (status) {
    case "approved":
      return { kind: "proceed" };
    case "pending":
      return { kind: "waiting", reasons: [`slipway approve ${decision.approval_id}`] };
    case "denied":
    case "expired":
      return { kind: "rejected", reasons: [`the approval ${decision.approval_id} was ${status}`] };
  }
}
