import { z } from "zod";
import { dangerOf } from "../../kernel/dangerous-paths.ts";
import { DomainError } from "../../kernel/errors.ts";
import { commandOf, prove, Proof } from "../gates/acceptance.ts";
import { failing, GateResult, noted, PASS } from "../gates/gate.ts";
import { review } from "../gates/review.ts";
import { undeclaredPaths } from "../gates/tamper.ts";
import { tampering } from "../gates/tampering.ts";
import { sandboxName, stepKey, stopHere, type PlannedRun, type PlannedTask } from "./context.ts";
import { decide, Decision, ruling } from "./decide.ts";
import { land } from "./land.ts";
import { doWork, Submission } from "./work.ts";

/** The tasks server's claim on a task, as the run keeps it. `attempt` is the queue's count of claims. */
export const Claim = z.object({ token: z.string(), attempt: z.int() });
export type Claim = z.output<typeof Claim>;

/** How an attempt ended. `kind` is the tasks server's word for a failure. */
export const AttemptEnd = z.object({
  status: z.enum(["merged", "rejected", "failed", "budget", "waiting"]),
  kind: z.enum(["worker", "validation", "integration", "resource", "budget"]),
  reasons: z.array(z.string()),
  branch: z.string(),
  commit: z.string(),
  decision: z.string(),
  receipts: z.array(z.string()),
  /** The digest of the tree that the receipts are of; "" where there are none. */
  tree: z.string().default(""),
  /** Whether another attempt would be pointless: a person said no, or nothing is left to spend. */
  is_final: z.boolean(),
});
export type AttemptEnd = z.output<typeof AttemptEnd>;

const Changed = GateResult.extend({
  /** Changed files outside the paths that the task declared. */
  undeclared: z.array(z.string()),
  /** Changed files that programs of this machine run or obey by themselves, each with the reason. */
  dangerous: z.array(z.string()),
});

/**
 * Takes one attempt from the claimed task to its end: work, gates, decision, merge. Every step is kept in the
 * journal, so the same call after a crash goes on where the last one stopped, under whatever claim holds the task then.
 */
export async function runAttempt(
  run: PlannedRun,
  task: PlannedTask,
  {
    claim,
    attempt,
    feedback,
  }: { readonly claim: Claim; readonly attempt: number; readonly feedback: string },
  signal: AbortSignal,
): Promise<AttemptEnd> {
  const { journal } = run;
  const place = { ref: task.ref, attempt };
  const key = (name: string): string => stepKey(task, attempt, name);

  const work = await journal.step(key("work"), Submission, () =>
    doWork(run, task, attempt, feedback, signal),
  );
  const ended = (
    status: AttemptEnd["status"],
    kind: AttemptEnd["kind"],
    reasons: readonly string[],
    more: Partial<AttemptEnd> = {},
  ): AttemptEnd => ({
    status,
    kind,
    reasons: [...reasons],
    branch: work.branch,
    commit: work.commit,
    decision: "",
    receipts: [],
    tree: "",
    is_final: status === "budget",
    ...more,
  });
  switch (work.status) {
    case "budget":
      return ended("budget", "budget", [work.reason]);
    case "not_red":
      return ended("rejected", "validation", [work.reason]);
    case "failed":
    case "gave_up":
      return ended("failed", "worker", [work.reason]);
    case "no_change":
      return ended("rejected", "validation", [work.reason]);
    case "submitted":
      break;
  }

  stopHere(run.signal);
  const changed = await journal.step(key("changed"), Changed, async () => {
    const paths = await run.files.changedPaths(run.options.repo, work.base, work.commit);
    const found = await tampering(run, task, work, paths);
    return {
      ...(await noted(run, place, "tampering", found.length === 0 ? PASS : failing(...found))),
      undeclared: [...undeclaredPaths(task.paths ?? [], paths)],
      dangerous: paths.flatMap((path) => (dangerOf(path) === null ? [] : [`${path}: ${dangerOf(path)}`])),
    };
  });
  if (changed.verdict === "fail") return ended("rejected", "validation", changed.reasons);
  if (task.paths !== undefined && task.paths.length > 0)
    await journal.step(key("scope"), GateResult, () =>
      noted(run, place, "scope", scopeOf(changed.undeclared)),
    );
  const change = {
    base: work.base,
    commit: work.commit,
    branch: work.branch,
    undeclared: changed.undeclared,
    dangerous: changed.dangerous,
  };

  stopHere(run.signal);
  const proof = await journal.step(key("proof"), Proof, async () => {
    const commands = (task.acceptance ?? []).map(commandOf);
    if (commands.length === 0) {
      return noted(run, place, "acceptance", {
        verdict: "not_available" as const,
        reasons: ["the task names no acceptance"],
        runs: [],
        backend: "",
        tree: "",
      });
    }
    return noted(
      run,
      place,
      "acceptance",
      await prove(run, sandboxName(run, task, attempt, "proof"), work.commit, commands),
    );
  });
  if (proof.verdict === "fail")
    return ended("rejected", "validation", [
      ...proof.reasons,
      ...proof.runs.slice(-1).map((item) => item.output),
    ]);

  stopHere(run.signal);
  const reviewed = await journal.step(key("review"), GateResult, async () =>
    noted(run, place, "review", await review(run, task, attempt, change, proof)),
  );
  if (reviewed.verdict === "fail") return ended("rejected", "validation", reviewed.reasons);

  stopHere(run.signal);
  const decision = await journal.step(key("decision"), Decision, async () => {
    const made = await decide(run, task, attempt, change, reviewed);
    await journal.emit("decision.made", {
      task: task.ref,
      attempt,
      verdict: made.verdict,
      risk: made.risk,
      decision_id: made.decision_id,
    });
    if (made.approval_id !== "")
      await journal.emit("approval.requested", {
        task: task.ref,
        approval_id: made.approval_id,
        reasons: made.reasons,
      });
    return made;
  });
  const ruled = await ruling(run, decision);
  if (ruled.kind === "waiting")
    return ended("waiting", "validation", ruled.reasons, { decision: decision.decision_id });
  if (ruled.kind === "rejected")
    return ended("rejected", "validation", ruled.reasons, {
      decision: decision.decision_id,
      is_final: ruled.byPerson,
    });

  const landing = await run.inTurn(async () => {
    await assertHeld(run, claim);
    return land(run, task, attempt, change);
  });
  const more = {
    decision: decision.decision_id,
    receipts: proof.runs.map((item) => item.receipt),
    tree: proof.tree,
  };
  if (landing.status === "merged") return ended("merged", "worker", [], { ...more, commit: landing.commit });
  return ended(
    "rejected",
    landing.status === "conflict" ? "integration" : "validation",
    landing.reasons,
    more,
  );
}

/** Whether a change stayed inside the paths its task declared. It goes on to review and decision, which are told. */
function scopeOf(undeclared: readonly string[]): GateResult {
  return undeclared.length === 0
    ? PASS
    : failing(...undeclared.map((path) => `${path} is outside the paths of the task`));
}

/** A lost claim means somebody else may be at it: nothing may land any more. */
async function assertHeld(run: PlannedRun, claim: Claim): Promise<void> {
  try {
    await run.hosts.tasks.call("report_progress", { token: claim.token, progress: 0.9 }, z.unknown());
  } catch (error) {
    if (error instanceof DomainError && error.code === "conflict")
      throw new LostClaim("the claim on the task was lost", { cause: error });
    throw error;
  }
}

/** Thrown when the task was given to somebody else; what this attempt made is dropped. */
export class LostClaim extends Error {}
