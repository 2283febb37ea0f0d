import { z } from "zod";
import { clipText } from "../../kernel/text.ts";
import type { AttemptEnd, Claim } from "./attempt.ts";
import type { PlannedRun, PlannedTask } from "./context.ts";

const Completed = z.looseObject({ status: z.string(), unmet: z.array(z.string()).optional() });
const Failed = z.looseObject({ status: z.string() });
const Worktrees = z.looseObject({ worktrees: z.array(z.looseObject({ id: z.string().optional(), path: z.string(), task_id: z.string().optional() })) });

/** Tells queue, memory and decision how an attempt ended, each once, and clears its worktrees away. */
export async function finishAttempt(run: PlannedRun, task: PlannedTask, claim: Claim, end: AttemptEnd): Promise<void> {
  const { journal, hosts } = run;
  const key = (name: string): string => `t/${task.ref}/a${claim.attempt}/${name}`;
  await journal.step(key("told"), z.object({ status: z.string() }), async (idempotencyKey) => {
    if (end.status === "merged") {
      const { status } = await hosts.tasks.call(
        "complete_task",
        { token: claim.token, output: { commit: end.commit, branch: end.branch }, evidence: end.receipts, idempotency_key: idempotencyKey },
        Completed,
      );
      await journal.emit("task.completed", { task: task.ref, commit: end.commit, status });
      return { status };
    }
    const { status } = await hosts.tasks.call(
      "fail_task",
      {
        token: claim.token,
        error: { message: clipText(end.reasons[0] ?? end.status, 2_000), kind: end.kind, log: clipText(end.reasons.slice(1).join("\n"), 8_000) },
        retryable: !end.is_final,
        idempotency_key: idempotencyKey,
      },
      Failed,
    );
    await journal.emit("task.failed", { task: task.ref, attempt: claim.attempt, status, kind: end.kind, reasons: end.reasons.map((reason) => reason.slice(0, 500)).slice(0, 5) });
    if (status === "dead") await journal.emit("task.dead", { task: task.ref, status: end.status });
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
            metadata: { run: journal.runId, ref: task.ref, attempt: claim.attempt, status: end.status, commit: end.commit },
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
      await hosts.decision.call("record_outcome", { decision_id: end.decision, outcome: "success", source: "merged", idempotency_key: idempotencyKey }, z.unknown());
      return {};
    });
  }
  await removeWorktrees(run, task);
}

/** What was done, in words that a later question may hit. */
function recordOf(task: PlannedTask, end: AttemptEnd): string {
  const what = end.status === "merged" ? `Merged as ${end.commit}.` : `Ended ${end.status}: ${end.reasons.join("; ")}`;
  return clipText([task.title, task.description, what, task.paths === undefined ? "" : `Files: ${task.paths.join(", ")}`].filter((line) => line !== "").join("\n"), 8_000);
}

/** The branch stays, so that refused work can be looked at; its folder does not. */
async function removeWorktrees(run: PlannedRun, task: PlannedTask): Promise<void> {
  const { repo } = run.options;
  try {
    const { worktrees } = await run.hosts.git.call("list_worktrees", { repo, max_tokens: 20_000 }, Worktrees);
    for (const worktree of worktrees) {
      if (worktree.task_id !== task.id || worktree.id === undefined) continue;
      await run.hosts.git.call("remove_worktree", { repo, id: worktree.id, force: true }, z.unknown());
    }
  } catch (error) {
    run.log("warn", "a worktree could not be removed", { task: task.ref, error: error instanceof Error ? error.message : String(error) });
  }
}
