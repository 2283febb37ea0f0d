import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";
import { clipText } from "../../kernel/text.ts";
import type { Plan } from "../plan/plan.ts";
import { AttemptEnd } from "./attempt.ts";
import { Interrupted, type PlannedRun, type PlannedTask, type RunContext } from "./context.ts";
import { drive } from "./drive.ts";
import { enqueue, planOf } from "./planning.ts";
import { prepareSetup } from "./setup.ts";
import { isBudgetSpent, spendOf } from "./spend.ts";
import { traceRun } from "./trace.ts";
import { removeWorktrees } from "./worktrees.ts";

/** How a run ended, for the exit code and the last event. */
export type RunStatus = "done" | "failed" | "waiting" | "budget" | "rejected" | "cancelled";

export interface TaskResult {
  readonly id: string;
  readonly ref: string;
  readonly status: "merged" | "rejected" | "failed" | "cancelled" | "waiting";
  readonly branch?: string;
  readonly commit?: string;
  readonly reasons: readonly string[];
}

/**
 * Takes a run from its goal, or from wherever its journal says it stands, to its end.
 *
 * @throws {Interrupted} when it was told to stop: `slipway resume` goes on.
 */
export async function conductRun(run: RunContext, home: string): Promise<RunStatus> {
  const begun = run.clock();
  try {
    await sweepSandboxes(run);
    await run.files.sweep();
    const plan = await planOf(run);
    const prepared = await prepareSetup(
      run,
      home,
      plan.setup ?? (run.options.setup === "" ? undefined : run.options.setup),
    );
    const planned: PlannedRun = { ...run, plan, prepared };
    const ids = await enqueue(run, plan);
    const tasks = plan.tasks.map((task): PlannedTask => ({ ...task, id: ids.get(task.ref) ?? "" }));
    await run.journal.emit("phase.started", { phase: "work" });
    const waiting = await drive(planned, tasks);
    const results = tasks.map((task) => resultOf(planned, task, waiting));
    // A life that was killed between an end and its clearing up leaves folders; who waits keeps its own.
    for (const task of tasks) if (!waiting.has(task.id)) await removeWorktrees(planned, task);
    await run.files.sweep();
    const status = statusOf(run, results);
    const uncovered = status === "done" ? uncoveredOf(run) : [];
    return await finish(run, uncovered.length === 0 ? status : "failed", results, begun, uncovered);
  } catch (error) {
    if (error instanceof Interrupted || run.signal.aborted) {
      await run.journal.emit("run.paused", { reason: "interrupted" });
      throw new Interrupted("the run was told to stop");
    }
    if (!(error instanceof DomainError)) throw error;
    await finish(run, "failed", [], begun, [error.message]);
    throw error;
  }
}

/** Writes the last event of a run. */
export async function finish(
  run: Pick<RunContext, "journal" | "clock">,
  status: RunStatus,
  tasks: readonly TaskResult[],
  begun: number,
  reasons: readonly string[] = [],
): Promise<RunStatus> {
  const spend = spendOf(run.journal);
  await run.journal.emit("run.finished", {
    status,
    tasks: tasks.map((task) => ({
      ...task,
      reasons: task.reasons.map((reason) => reason.slice(0, 1_000)).slice(0, 5),
    })),
    spend: { usd: spend.usd, tokens: spend.tokens },
    duration_ms: run.clock() - begun,
    ...(reasons.length === 0 ? {} : { reasons }),
  });
  return status;
}

function resultOf(run: PlannedRun, task: PlannedTask, waiting: ReadonlyMap<string, AttemptEnd>): TaskResult {
  const base = { id: task.id, ref: task.ref };
  const held = waiting.get(task.id);
  if (held !== undefined) return { ...base, status: "waiting", branch: held.branch, reasons: held.reasons };
  const end = lastEnd(run, task);
  if (end === undefined)
    return {
      ...base,
      status: waiting.size > 0 && !isBudgetSpent(run) ? "waiting" : "cancelled",
      reasons: [whyNotBegun(run, run.plan, task)],
    };
  const where = {
    ...(end.branch === "" ? {} : { branch: end.branch }),
    ...(end.commit === "" ? {} : { commit: end.commit }),
  };
  switch (end.status) {
    case "merged":
      return { ...base, status: "merged", ...where, reasons: [] };
    case "rejected":
      return { ...base, status: "rejected", ...where, reasons: end.reasons };
    case "failed":
    case "budget":
      return { ...base, status: "failed", ...where, reasons: end.reasons };
    case "waiting":
      return { ...base, status: "waiting", ...where, reasons: end.reasons };
  }
}

/** The end of the latest attempt that has one; attempts are numbered without gaps, but a lost one has no end. */
function lastEnd(run: PlannedRun, task: PlannedTask): AttemptEnd | undefined {
  let last: AttemptEnd | undefined;
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1)
    last = run.journal.finished(`t/${task.ref}/a${attempt}/end`, AttemptEnd) ?? last;
  return last;
}

/** The most attempts a plan may ask for. */
const MOST_ATTEMPTS = 20;

function whyNotBegun(run: PlannedRun, plan: Plan, task: PlannedTask): string {
  if (isBudgetSpent(run)) return "the budget of the run is used up";
  return task.depends_on.length === 0
    ? "never begun"
    : `depends on ${task.depends_on.filter((ref) => plan.tasks.some((other) => other.ref === ref)).join(", ")}`;
}

function statusOf(run: RunContext, results: readonly TaskResult[]): RunStatus {
  const has = (status: TaskResult["status"]): boolean => results.some((result) => result.status === status);
  if (results.every((result) => result.status === "merged")) return "done";
  if (
    isBudgetSpent(run) ||
    results.some((result) =>
      result.reasons.some((reason) => reason.endsWith("budget of the attempt is used up")),
    )
  )
    return "budget";
  if (has("waiting")) return "waiting";
  if (has("rejected")) return "rejected";
  return "failed";
}

/** Every task is merged, but nothing that is merged and proven serves these. */
function uncoveredOf({ journal }: RunContext): readonly string[] {
  return traceRun(journal.runId, journal.events)
    .requirements.filter(({ covered }) => !covered)
    .map(({ id, text }) => `no merged and proven task serves ${id}: ${clipText(text, 200)}`);
}

const Sandboxes = z.looseObject({
  sandboxes: z.array(z.looseObject({ id: z.string(), name: z.string().nullable().optional() })),
  next_cursor: z.string().optional(),
});

/** Deletes what an earlier, killed life of this run left in the sandbox server. */
export async function sweepSandboxes(run: Pick<RunContext, "journal" | "hosts">): Promise<void> {
  let cursor: string | undefined;
  do {
    const page: z.output<typeof Sandboxes> = await run.hosts.sandbox.call(
      "list_sandboxes",
      { limit: 100, ...(cursor === undefined ? {} : { cursor }) },
      Sandboxes,
    );
    for (const { id, name } of page.sandboxes) {
      if (name?.startsWith(run.journal.runId) === true)
        await run.hosts.sandbox.call("delete_sandbox", { sandbox_id: id }, z.unknown());
    }
    cursor = page.next_cursor;
  } while (cursor !== undefined);
}
