import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";
import { clipText } from "../../kernel/text.ts";
import { commandOf } from "../gates/acceptance.ts";
import { noted } from "../gates/gate.ts";
import type { Job, Outcome, Runner, RunnerEvent, Workspace } from "../runners/runner.ts";
import { sandboxName, stepKey, stopHere, type PlannedRun, type PlannedTask } from "./context.ts";
import { withSandbox, type SandboxSession } from "./sandbox-session.ts";
import { addSpend, spendOf } from "./spend.ts";
import { removeWorktrees, workBranch } from "./worktrees.ts";

const Worktree = z.looseObject({
  worktree: z.looseObject({ id: z.string(), path: z.string(), branch: z.string(), base: z.string() }),
});
const Committed = z.looseObject({ commit: z.string() });
const Recalled = z.looseObject({
  hits: z.array(z.looseObject({ title: z.string().optional(), snippet: z.string().optional() })),
});

/** What an attempt handed in, or why it handed in nothing. */
export const Submission = z.object({
  status: z.enum(["submitted", "no_change", "gave_up", "failed", "budget", "not_red"]),
  reason: z.string(),
  worktree: z.string(),
  branch: z.string(),
  base: z.string(),
  commit: z.string(),
});

export type Submission = z.output<typeof Submission>;

/**
 * One go at a task: a worktree of its own at the target's head, the runner, and what it made as one commit.
 * Cannot be taken up in the middle: after a crash it starts again in a new worktree.
 */
export async function doWork(
  run: PlannedRun,
  task: PlannedTask,
  attempt: number,
  feedback: string,
  signal: AbortSignal,
): Promise<Submission> {
  const { journal, hosts, options } = run;
  const key = stepKey(task, attempt, "work");
  const go = await journal.begin(key);
  if (go > 1) await removeWorktrees(run, task);
  const name = workBranch(run, task, attempt, go);
  const { worktree } = await hosts.git.call(
    "add_worktree",
    {
      repo: options.repo,
      branch: name,
      base: options.target,
      task_id: task.id,
      ttl_s: 7 * 86_400,
      idempotency_key: `${journal.runId}/${key}/${go}`,
    },
    Worktree,
  );
  const at = { worktree: worktree.path, branch: worktree.branch, base: worktree.base };
  const ended = (status: Submission["status"], reason: string, commit = ""): Submission => ({
    status,
    reason: clipText(reason, 2_000),
    ...at,
    commit,
  });
  const runner = run.crew.implementer(task.runner);
  await journal.emit("attempt.started", {
    task: task.ref,
    attempt,
    role: "implementer",
    runner: runner.name,
    branch: at.branch,
  });

  const red = await redBefore(run, task, attempt, at.base, signal);
  if (red !== null) return ended("not_red", red);
  stopHere(run.signal);
  const job = await jobFor(run, task, attempt, feedback, at.worktree);
  const { outcome, patch } =
    runner.worksIn === "worktree"
      ? { outcome: await runJob(run, task, runner, job, null, signal), patch: "" }
      : await inSandbox(run, task, attempt, at.base, async (session) => ({
          outcome: await runJob(run, task, runner, job, session.workspace(signal), signal),
          patch: await session.exportPatch(),
        }));
  await journal.emit("attempt.finished", {
    task: task.ref,
    attempt,
    role: "implementer",
    status: outcome.status,
    turns: outcome.turns,
    tokens: outcome.usage === null ? null : outcome.usage.inputTokens + outcome.usage.outputTokens,
  });
  switch (outcome.status) {
    case "gave_up":
      return ended("gave_up", outcome.summary);
    case "failed":
      return ended("failed", outcome.error.message);
    case "budget":
      return ended("budget", `the ${outcome.limit} budget of the attempt is used up`);
    case "cancelled":
      return ended("failed", "the attempt was cancelled");
    case "done":
      break;
  }
  // What a model did in its sandbox becomes the worktree's content; a program worked there itself.
  if (patch !== "") await run.files.applyPatch(at.worktree, patch);
  const commit = await commitAll(run, task, attempt, at.worktree, outcome.summary);
  return commit === at.base ? ended("no_change", "nothing was changed") : ended("submitted", "", commit);
}

/** A sandbox over a clean checkout of a commit, with what setup made, for one piece of work. */
function inSandbox<T>(
  run: PlannedRun,
  task: PlannedTask,
  attempt: number,
  commit: string,
  work: (session: SandboxSession) => Promise<T>,
): Promise<T> {
  return withSandbox(
    run,
    sandboxName(run, task, attempt, "work"),
    { tree: commit, prepared: run.prepared },
    work,
  );
}

async function runJob(
  run: PlannedRun,
  task: PlannedTask,
  runner: Runner,
  job: Job,
  workspace: Workspace | null,
  signal: AbortSignal,
): Promise<Outcome> {
  const outcome = await runner.run(job, {
    workspace,
    signal,
    onEvent: (event) => logEvent(run, task, event),
  });
  // What was spent is noted first: an interrupted attempt has cost as much as another.
  await addSpend(run, outcome.usage, { ref: task.ref, attempt: job.attempt });
  stopHere(run.signal);
  return outcome;
}

/**
 * Where tests must be red before the work, runs them on the base, in a sandbox of their own: what they leave behind
 * is no part of the work. Returns why the task cannot be tried, or null.
 */
async function redBefore(
  run: PlannedRun,
  task: PlannedTask,
  attempt: number,
  base: string,
  signal: AbortSignal,
): Promise<string | null> {
  const wanted = (task.acceptance ?? []).flatMap((item) =>
    "tests" in item && item.must_fail_before === true ? [item.tests] : [],
  );
  if (wanted.length === 0) return null;
  const green = await inSandbox(run, task, attempt, base, async (session) => {
    for (const command of wanted) {
      const { outcome, exitCode } = await session.run(command, run.options.proof_timeout_s, signal);
      if (outcome === "exited" && exitCode === 0) return command;
    }
    return null;
  });
  const reason = green === null ? null : `${green} passes before the work, so it proves nothing`;
  await noted(
    run,
    { ref: task.ref, attempt },
    "red_before",
    reason === null ? { verdict: "pass", reasons: [] } : { verdict: "fail", reasons: [reason] },
  );
  return reason;
}

async function jobFor(
  run: PlannedRun,
  task: PlannedTask,
  attempt: number,
  feedback: string,
  worktree: string,
): Promise<Job> {
  const recalled = await run.hosts.memory
    .call(
      "recall",
      { query: `${task.title}\n${task.description}`.slice(0, 1_000), k: 5, max_tokens: 1_500 },
      Recalled,
    )
    .catch((error: unknown) => {
      run.log("warn", "nothing could be recalled", {
        error: error instanceof Error ? error.message : String(error),
      });
      return { hits: [] };
    });
  const left =
    run.options.budget.tokens === undefined
      ? undefined
      : Math.max(1, run.options.budget.tokens - spendOf(run.journal).tokens);
  const tokens = [task.budget?.tokens, left].filter((limit) => limit !== undefined);
  return {
    role: "implementer",
    runId: run.journal.runId,
    taskRef: task.ref,
    attempt,
    title: task.title,
    description: task.description,
    acceptance: (task.acceptance ?? []).map(commandOf),
    paths: task.paths ?? [],
    context: recalled.hits.map((hit) => `${hit.title ?? ""}: ${hit.snippet ?? ""}`).join("\n"),
    feedback,
    diff: "",
    log: "",
    worktree,
    budget: {
      ...(tokens.length === 0 ? {} : { tokens: Math.min(...tokens) }),
      ...(task.budget?.usd === undefined ? {} : { usd: task.budget.usd }),
      wallS: task.budget?.wall_s ?? 1_800,
    },
  };
}

async function commitAll(
  run: PlannedRun,
  task: PlannedTask,
  attempt: number,
  worktree: string,
  summary: string,
): Promise<string> {
  const paths = await run.files.dirtyPaths(worktree);
  const parent = await run.files.head(worktree);
  if (paths.length === 0) return parent;
  if (paths.length > 5_000) throw new DomainError("limit", `the attempt changed ${paths.length} files`);
  const { commit } = await run.hosts.git.call(
    "commit_changes",
    {
      repo: worktree,
      paths,
      message: `${task.title}\n\n${clipText(summary, 1_000)}`.trim(),
      expected_parent: parent,
      trailers: { Task: task.id, Run: run.journal.runId, Agent: run.crew.implementer(task.runner).name },
    },
    Committed,
  );
  run.log("info", "committed", { task: task.ref, attempt, commit });
  return commit;
}

function logEvent(run: PlannedRun, task: PlannedTask, event: RunnerEvent): void {
  if (event.type === "tool" || event.type === "retry")
    run.log("info", `${task.ref}: ${event.type}`, { ...event });
}
