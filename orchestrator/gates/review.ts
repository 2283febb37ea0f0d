import { clipText } from "../../kernel/text.ts";
import type { PlannedRun, PlannedTask } from "../run/context.ts";
import { addSpend } from "../run/spend.ts";
import type { Proof } from "./acceptance.ts";
import { commandOf } from "./acceptance.ts";
import type { GateResult } from "./gate.ts";

/** The most of a change a reviewer is shown. */
export const MAX_DIFF_BYTES = 60_000;

/**
 * Has a second role with a fresh context judge the change. It sees the goal, the diff and the log of the proof, and
 * nothing the author said.
 */
export async function review(
  run: PlannedRun,
  task: PlannedTask,
  attempt: number,
  change: { readonly base: string; readonly commit: string; readonly undeclared: readonly string[] },
  proof: Proof,
): Promise<GateResult> {
  const reviewer = run.crew.reviewer;
  if (reviewer === null) return { verdict: "not_available", reasons: ["no model is configured to review"] };
  const diff = await run.files.diff(run.options.repo, change.base, change.commit, MAX_DIFF_BYTES);
  const log = proof.runs.map((item) => `$ ${item.command}\n${item.output}`).join("\n");
  const outcome = await reviewer.run(
    {
      role: "reviewer",
      runId: run.journal.runId,
      taskRef: task.ref,
      attempt,
      title: task.title,
      description: task.description,
      acceptance: (task.acceptance ?? []).map(commandOf),
      paths: task.paths ?? [],
      context:
        change.undeclared.length === 0
          ? ""
          : `Files outside the declared paths: ${change.undeclared.join(", ")}`,
      feedback: "",
      diff,
      log: clipText(log, 20_000),
      worktree: null,
      budget: {},
    },
    { workspace: null, signal: run.signal, onEvent: () => undefined },
  );
  await addSpend(run, outcome.usage, { ref: task.ref, attempt });
  if (outcome.status === "done" && outcome.result.kind === "review") {
    const { verdict, reasons } = outcome.result.review;
    return { verdict: verdict === "approve" ? "pass" : "fail", reasons: [...reasons] };
  }
  // A reviewer that did not come to a verdict has approved nothing.
  return { verdict: "fail", reasons: [`the reviewer came to no verdict (${outcome.status})`] };
}
