import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";
import { clipText } from "../../kernel/text.ts";
import { parsePlan, type Plan, type PlanTask } from "../plan/plan.ts";
import type { Job, Runner, Workspace } from "../runners/runner.ts";
import type { RunContext } from "./context.ts";
import { withSandbox } from "./sandbox-session.ts";
import { addSpend, spendOf } from "./spend.ts";

const Added = z.object({ tasks: z.array(z.looseObject({ ref: z.string().optional(), id: z.string() })) });

/** How often a planner may hand in something that is not a plan. */
const MOST_TRIES = 2;

/** The run's plan: the one it was given, or the one its planner makes of the goal. Kept, so it is made once. */
export async function planOf(run: RunContext): Promise<Plan> {
  const { plan } = await run.journal.step("plan", z.object({ plan: z.json() }), async () => {
    await run.journal.emit("phase.started", { phase: "plan" });
    const made = run.options.plan === null ? await makePlan(run) : parsePlan(run.options.plan);
    return { plan: z.json().parse(JSON.parse(JSON.stringify(made))) };
  });
  return parsePlan(plan);
}

async function makePlan(run: RunContext): Promise<Plan> {
  const { planner } = run.crew;
  if (planner === null) {
    throw new DomainError("denied", "a goal without a plan needs a model to plan it", {
      hint: "set ANTHROPIC_API_KEY and a model, or give the tasks with --plan FILE",
    });
  }
  return withSandbox(
    run,
    `${run.journal.runId}-plan`,
    { tree: run.options.target_commit, prepared: null },
    (session) => askForPlan(run, planner, session.workspace(run.signal)),
  );
}

async function askForPlan(run: RunContext, planner: Runner, workspace: Workspace): Promise<Plan> {
  let feedback = "";
  for (let attempt = 1; attempt <= MOST_TRIES; attempt += 1) {
    const job: Job = {
      role: "planner",
      runId: run.journal.runId,
      taskRef: "plan",
      attempt,
      title: run.options.goal,
      description: run.options.goal,
      acceptance: [],
      paths: [],
      context: "",
      feedback,
      diff: "",
      log: "",
      worktree: null,
      budget: run.options.budget.tokens === undefined ? {} : { tokens: run.options.budget.tokens },
    };
    const outcome = await planner.run(job, { workspace, signal: run.signal, onEvent: () => undefined });
    await addSpend(run, outcome.usage);
    if (outcome.status !== "done" || outcome.result.kind !== "plan") {
      const why = outcome.status === "failed" ? outcome.error.message : outcome.summary;
      throw new DomainError("invalid_state", `the planner made no plan (${outcome.status}): ${why}`, {
        hint: "state the goal more closely, or give the tasks with --plan FILE",
      });
    }
    try {
      return parsePlan(outcome.result.plan);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      feedback = error.message;
    }
  }
  throw new DomainError("invalid_state", `the planner's plan cannot be used: ${feedback}`, {
    hint: "give the tasks with --plan FILE",
  });
}

/** Puts the plan into the queue, once; returns the id of every ref. */
export async function enqueue(run: RunContext, plan: Plan): Promise<ReadonlyMap<string, string>> {
  const { ids } = await run.journal.step(
    "tasks",
    z.object({ ids: z.record(z.string(), z.string()) }),
    async (key) => {
      const tasks = plan.tasks.map(({ runner: _r, critical: _c, requirements: _s, budget, ...task }) => ({
        ...task,
        // Time is the runner's bound for one attempt; in the queue it would run while a claim waits for a person.
        ...(budget === undefined ? {} : { budget: { tokens: budget.tokens, usd: budget.usd } }),
        // The queue also counts claims that lapsed while the run was dead or waited for a person; the run counts for itself.
        max_attempts: attemptsOf(task) + SPARE_CLAIMS,
        milestone: run.journal.runId,
      }));
      await setMilestone(run, `${key}/milestone`);
      const added = await run.hosts.tasks.call("add_tasks", { tasks, idempotency_key: key }, Added);
      // In the order of the call; a large answer leaves refs out.
      const ids = Object.fromEntries(added.tasks.map(({ id }, place) => [plan.tasks[place]?.ref ?? id, id]));
      for (const task of plan.tasks) {
        await run.journal.emit("task.added", {
          task: task.ref,
          id: ids[task.ref] ?? null,
          title: task.title,
          depends_on: task.depends_on,
        });
      }
      return { ids };
    },
  );
  return new Map(Object.entries(ids));
}

/** The milestone that all tasks of the run name: the queue holds them to what planning left of the run's budget. */
async function setMilestone(run: RunContext, idempotencyKey: string): Promise<void> {
  const { goal, budget } = run.options;
  const spent = spendOf(run.journal);
  const left = {
    ...(budget.tokens === undefined ? {} : { tokens: Math.max(1, budget.tokens - spent.tokens) }),
    ...(budget.usd === undefined ? {} : { usd: Math.max(SMALLEST_USD, budget.usd - (spent.usd ?? 0)) }),
  };
  await run.hosts.tasks.call(
    "set_milestone",
    {
      name: run.journal.runId,
      goal: clipText(goal, 2_000),
      ...(Object.keys(left).length === 0 ? {} : { budget: left }),
      idempotency_key: idempotencyKey,
    },
    z.unknown(),
  );
}

/** A budget in the queue is above 0; where planning left nothing, the run starts no attempt itself. */
const SMALLEST_USD = 0.000_001;

/** How many attempts the run makes at a task. */
export function attemptsOf(task: Pick<PlanTask, "max_attempts">): number {
  return task.max_attempts ?? DEFAULT_ATTEMPTS;
}

/** Attempts a task of a run gets when its plan names no number. */
const DEFAULT_ATTEMPTS = 3;

/** How often a claim of a run may lapse. */
const SPARE_CLAIMS = 50;
