import { z } from "zod";
import { digestOf } from "../../kernel/canonical-json.ts";
import type { GateResult } from "../gates/gate.ts";
import type { PlannedRun, PlannedTask } from "./context.ts";

const Assessed = z.looseObject({ assessment_id: z.string(), risk: z.number(), level: z.string() });
const Verdict = z.enum([
  "auto_proceed",
  "proceed_with_monitoring",
  "request_review",
  "require_human",
  "block",
]);
type Verdict = z.output<typeof Verdict>;

const Decided = z.object({
  decision_id: z.string(),
  verdict: Verdict,
  reasons: z.array(z.string()),
  approval_id: z.string().optional(),
});
const Approval = z.looseObject({ status: z.enum(["pending", "approved", "denied", "expired"]) });

/** The verdict over a change, as the run keeps it. */
export const Decision = z.object({
  decision_id: z.string(),
  verdict: Verdict,
  risk: z.number(),
  reasons: z.array(z.string()),
  approval_id: z.string(),
});

export type Decision = z.output<typeof Decision>;

/** What a decision means for the change now. */
export type Ruling =
  | { readonly kind: "proceed" }
  | { readonly kind: "rejected"; readonly reasons: readonly string[]; readonly byPerson: boolean }
  | { readonly kind: "waiting"; readonly reasons: readonly string[] };

/**
 * Asks for the risk of a change and for a verdict over it. The approval it may need is bound to exactly this commit
 * on exactly this target.
 */
export async function decide(
  run: PlannedRun,
  task: PlannedTask,
  attempt: number,
  change: {
    readonly base: string;
    readonly commit: string;
    readonly undeclared: readonly string[];
    readonly dangerous: readonly string[];
  },
  reviewed: GateResult,
): Promise<Decision> {
  const { hosts, options, journal } = run;
  const key = `${journal.runId}/t/${task.ref}/a${attempt}`;
  const assessed = await hosts.decision.call(
    "assess_risk",
    {
      action: "merge",
      repo: options.repo,
      base: change.base,
      head: change.commit,
      facts: { test_failure_rate: 0 },
      idempotency_key: `${key}/assess`,
    },
    Assessed,
  );
  const ask = (isCritical: boolean, step: string): Promise<z.output<typeof Decided>> =>
    hosts.decision.call(
      "decide",
      {
        action: "merge",
        assessment_id: assessed.assessment_id,
        confidence: confidenceOf(task, reviewed, change.undeclared.length),
        ...(isCritical ? { critical: true } : {}),
        subject: digestOf({ commit: change.commit, target: options.target, repo: options.repo }),
        idempotency_key: `${key}/${step}`,
      },
      Decided,
    );
  // What other programs run by themselves must not land unseen, whatever its risk by numbers.
  const isSensitive = change.dangerous.length > 0 && options.autonomy < FULL_AUTONOMY;
  let decided = await ask(task.critical === true || isSensitive, "decide");
  // Only a critical decision opens an approval, so whatever this autonomy leaves to a person is asked for as one.
  if (isLeftToPerson(decided.verdict, options.autonomy)) decided = await ask(true, "decide-critical");
  return {
    decision_id: decided.decision_id,
    verdict: decided.verdict,
    risk: assessed.risk,
    reasons: [...change.dangerous, ...decided.reasons],
    approval_id: decided.approval_id ?? "",
  };
}

/**
 * How sure the run is of a change that passed its acceptance: half by the proof alone, more where tests were red
 * before, and where somebody else approved; less where it went outside its paths. Our own estimate, not a probability.
 */
function confidenceOf(task: PlannedTask, reviewed: GateResult, undeclared: number): number {
  const acceptance = task.acceptance ?? [];
  if (acceptance.length === 0) return 0.3;
  const turnedGreen = acceptance.some((item) => "tests" in item && item.must_fail_before === true);
  return Math.max(
    0,
    0.5 + (turnedGreen ? 0.2 : 0) + (reviewed.verdict === "pass" ? 0.2 : 0) - (undeclared > 0 ? 0.2 : 0),
  );
}

/** Autonomy from which a passed review, or passed acceptance where no reviewer is configured, satisfies request_review. */
const REVIEWED_IS_ENOUGH = 3;

/** Autonomy at which nothing is left to a person but what the policy itself demands. */
const FULL_AUTONOMY = 5;

/** Whether a verdict that lets work proceed still needs a person: everything at autonomy 1, wanted reviews at 2. */
function isLeftToPerson(verdict: Verdict, autonomy: number): boolean {
  switch (verdict) {
    case "auto_proceed":
    case "proceed_with_monitoring":
      return autonomy <= 1;
    case "request_review":
      return autonomy < REVIEWED_IS_ENOUGH;
    case "require_human":
    case "block":
      return false;
  }
}

/** Turns a decision into what happens now, looking up the person's answer where one is needed. */
export async function ruling(run: PlannedRun, decision: Decision): Promise<Ruling> {
  if (decision.verdict === "block") return { kind: "rejected", reasons: decision.reasons, byPerson: false };
  if (decision.verdict !== "require_human") return { kind: "proceed" };
  const { status } = await run.hosts.decision.call(
    "get_approval",
    { approval_id: decision.approval_id },
    Approval,
  );
  switch (status) {
    case "approved":
      return { kind: "proceed" };
    case "pending":
      return { kind: "waiting", reasons: [`slipway approve ${decision.approval_id}`] };
    case "denied":
    case "expired":
      return {
        kind: "rejected",
        reasons: [`the approval ${decision.approval_id} was ${status}`],
        byPerson: status === "denied",
      };
  }
}
