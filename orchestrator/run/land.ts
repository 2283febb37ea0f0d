import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";
import { commandOf, prove, type Proof } from "../gates/acceptance.ts";
import { noted } from "../gates/gate.ts";
import { sandboxName, stepKey, stopHere, type PlannedRun, type PlannedTask } from "./context.ts";

const Preview = z.looseObject({
  clean: z.boolean(),
  tree: z.string().optional(),
  conflicts: z.array(z.looseObject({ path: z.string() })),
});
const Integrated = z.looseObject({ commit: z.string() });

/** How a landing ended. */
export const Landing = z.object({
  status: z.enum(["merged", "conflict", "rejected"]),
  commit: z.string(),
  reasons: z.array(z.string()),
});

export type Landing = z.output<typeof Landing>;

/** How often a landing is tried against a target that others keep moving. */
const MOST_TRIES = 5;

/**
 * Merges a proven commit into the target, which must stand exactly where this run saw it. Where the target has moved
 * on since the work began, the merged tree is proven first: two changes that pass alone may fail together.
 */
export async function land(
  run: PlannedRun,
  task: PlannedTask,
  attempt: number,
  change: { readonly base: string; readonly commit: string; readonly branch: string },
): Promise<Landing> {
  for (let go = 0; go < MOST_TRIES; go += 1) {
    stopHere(run.signal);
    const landing = await landOnce(run, task, attempt, change, stepKey(task, attempt, `land${go}`));
    if (landing !== null) return landing;
  }
  return { status: "conflict", commit: "", reasons: [`${run.options.target} kept moving`] };
}

/** Null where the target moved in the meantime. */
async function landOnce(
  run: PlannedRun,
  task: PlannedTask,
  attempt: number,
  change: { readonly base: string; readonly commit: string; readonly branch: string },
  key: string,
): Promise<Landing | null> {
  const { journal, hosts, files, options } = run;
  // What is expected is written down before anything moves, so that a retry after a crash asks for the same merge.
  const { expected } = await journal.step(
    `${key}/expected`,
    z.object({ expected: z.string() }),
    async () => ({
      expected: await files.commitOf(options.repo, `refs/heads/${options.target}`),
    }),
  );
  if (expected !== change.base) {
    const merged = await journal.step(
      `${key}/merged`,
      z.object({ problem: z.enum(["", "conflict", "red"]), reasons: z.array(z.string()) }),
      () => proveMerged(run, task, attempt, change.commit, expected),
    );
    if (merged.problem === "conflict") return { status: "conflict", commit: "", reasons: merged.reasons };
    if (merged.problem === "red") return { status: "rejected", commit: "", reasons: merged.reasons };
  }
  return journal.step(key, Landing.nullable(), async (idempotencyKey): Promise<Landing | null> => {
    try {
      const { commit } = await hosts.git.call(
        "integrate_changes",
        {
          repo: options.repo,
          operation: "merge",
          source: change.branch,
          target: options.target,
          expected_source: change.commit,
          expected_target: expected,
          message: `${task.title}\n\nTask: ${task.id}\nRun: ${journal.runId}`,
          idempotency_key: idempotencyKey,
        },
        Integrated,
      );
      return { status: "merged", commit, reasons: [] };
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== "conflict") throw error;
      const now = await files.commitOf(options.repo, `refs/heads/${options.target}`);
      if (now !== expected) return null;
      return { status: "conflict", commit: "", reasons: [error.message] };
    }
  });
}

async function proveMerged(
  run: PlannedRun,
  task: PlannedTask,
  attempt: number,
  commit: string,
  target: string,
): Promise<{ problem: "" | "conflict" | "red"; reasons: string[] }> {
  const preview = await run.hosts.git.call(
    "preview_integration",
    { repo: run.options.repo, operation: "merge", source: commit, target },
    Preview,
  );
  if (!preview.clean || preview.tree === undefined) {
    const reasons = preview.conflicts.map(
      (conflict) => `${conflict.path} was changed on ${run.options.target} too`,
    );
    await noted(run, { ref: task.ref, attempt }, "integration", { verdict: "fail", reasons });
    return { problem: "conflict", reasons };
  }
  const commands = (task.acceptance ?? []).map(commandOf);
  if (commands.length === 0) {
    await noted(run, { ref: task.ref, attempt }, "integration", {
      verdict: "not_available",
      reasons: ["the task names no acceptance"],
    });
    return { problem: "", reasons: [] };
  }
  const proof: Proof = await prove(run, sandboxName(run, task, attempt, "merged"), preview.tree, commands);
  const reasons = proof.reasons.map((reason) => `merged with ${run.options.target}: ${reason}`);
  await noted(run, { ref: task.ref, attempt }, "integration", { verdict: proof.verdict, reasons });
  return { problem: proof.verdict === "pass" ? "" : "red", reasons };
}
