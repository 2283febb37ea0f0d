import { z } from "zod";
import type { EventRecord } from "../../kernel/events.ts";
import { DomainError } from "../../kernel/errors.ts";
import { clipText } from "../../kernel/text.ts";
import type { AttemptEnd, Claim } from "./attempt.ts";
import { stepKey, type PlannedRun, type PlannedTask } from "./context.ts";
import { attemptsOf } from "./planning.ts";
import { spendOf } from "./spend.ts";
import { removeWorktrees } from "./worktrees.ts";

const Completed = z.looseObject({ status: z.string(), unmet: z.array(z.string()).optional() });
const Failed = z.looseObject({ status: z.string() });

/** Who reviews in the queue what the gates let through: not the worker. */
const GATES = "gates";

/**
 * Accepts what receipts alone do not prove to the queue, and the gates did: that tests failed before and were left alone,
 * and what ran without isolation where the user allowed it.
 */
async function accept(
  { hosts }: PlannedRun,
  { id }: PlannedTask,
  { decision }: AttemptEnd,
  idempotencyKey: string,
): Promise<string> {
  const review = {
    id,
    agent: GATES,
    verdict: "accept",
    reasons: [`every gate of the run passed; decision ${decision}`],
  };
  try {
    const key = { idempotency_key: idempotencyKey };
    return (await hosts.tasks.call("review_task", { ...review, ...key }, Completed)).status;
  } catch (error) {
    // Somebody else may have reviewed it meanwhile; the queue keeps their word.
    if (error instanceof DomainError && error.code === "invalid_state") return "needs_review";
    throw error;
  }
}

/**
 * Tells queue, memory and decision how an attempt ended, each once, and clears its worktrees away.
 *
 * @throws {DomainError} conflict when the claim has lapsed: the next claim on the task tells it then.
 */
export async function finishAttempt(
  run: PlannedRun,
  task: PlannedTask,
  claim: Claim,
  attempt: number,
  end: AttemptEnd,
): Promise<void> {
  const { journal, hosts } = run;
  const key = (name: string): string => stepKey(task, attempt, name);
  await journal.step(key("told"), z.object({ status: z.string() }), async (stepId) => {
    // The same claim asks the same thing again; another claim asks anew.
    const idempotencyKey = `${stepId}/c${claim.attempt}`;
    const spend = spendOf(journal, { ref: task.ref, attempt });
    const usage = { tokens: spend.tokens, usd: spend.usd ?? 0 };
    if (end.status === "merged") {
      const { status } = await hosts.tasks.call(
        "complete_task",
        {
          token: claim.token,
          output: { commit: end.commit, branch: end.branch },
          evidence: end.receipts,
          ...(end.tree === "" ? {} : { tree: end.tree }),
          usage,
          idempotency_key: idempotencyKey,
        },
        Completed,
      );
      const judged =
        status === "needs_review" ? await accept(run, task, end, `${idempotencyKey}/review`) : status;
      await emitOnce(run, "task.completed", task, attempt, { commit: end.commit, status: judged });
      return { status: judged };
    }
    const { status } = await hosts.tasks.call(
      "fail_task",
      {
        token: claim.token,
        error: {
          message: clipText(end.reasons[0] ?? end.status, 2_000),
          kind: end.kind,
          log: clipText(end.reasons.slice(1).join("\n"), 8_000),
        },
        retryable: !end.is_final && attempt < attemptsOf(task),
        usage,
        idempotency_key: idempotencyKey,
      },
      Failed,
    );
    await emitOnce(run, "task.failed", task, attempt, {
      status,
      kind: end.kind,
      reasons: end.reasons.map((reason) => reason.slice(0, 500)).slice(0, 5),
    });
    if (status === "dead") await emitOnce(run, "task.dead", task, attempt, { status: end.status });
    return { status };
  });
  await journal.step(key("remembered"), z.object({}), async (idempotencyKey) => {
    await hosts.memory.call(
      "remember",
      {
        items: [
          {
            kind: "task",
            title: task.title,
            text: recordOf(task, end),
            tags: ["run", end.status],
            task_id: task.id,
            metadata: { run: journal.runId, ref: task.ref, attempt, status: end.status, commit: end.commit },
          },
        ],
        idempotency_key: idempotencyKey,
      },
      z.unknown(),
    );
    return {};
  });
  if (end.decision !== "" && end.status === "merged") {
    await journal.step(key("outcome"), z.object({}), async (idempotencyKey) => {
      await hosts.decision.call(
        "record_outcome",
        { decision_id: end.decision, outcome: "success", source: "merged", idempotency_key: idempotencyKey },
        z.unknown(),
      );
      return {};
    });
  }
  await removeWorktrees(run, task);
}

/** An event that a killed life of the run may have told already is not told again. */
async function emitOnce(
  { journal }: PlannedRun,
  type: "task.completed" | "task.failed" | "task.dead",
  task: PlannedTask,
  attempt: number,
  data: EventRecord["data"],
): Promise<void> {
  const isTold = journal.events.some(
    (event) => event.type === type && event.data["task"] === task.ref && event.data["attempt"] === attempt,
  );
  if (!isTold) await journal.emit(type, { task: task.ref, attempt, ...data });
}

/** What was done, in words that a later question may hit. */
function recordOf(task: PlannedTask, end: AttemptEnd): string {
  const what =
    end.status === "merged" ? `Merged as ${end.commit}.` : `Ended ${end.status}: ${end.reasons.join("; ")}`;
  return clipText(
    [task.title, task.description, what, task.paths === undefined ? "" : `Files: ${task.paths.join(", ")}`]
      .filter((line) => line !== "")
      .join("\n"),
    8_000,
  );
}
