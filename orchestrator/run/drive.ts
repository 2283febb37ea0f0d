import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";
import { AttemptEnd, Claim, LostClaim, runAttempt } from "./attempt.ts";
import { Interrupted, stepKey, type PlannedRun, type PlannedTask, type RunContext } from "./context.ts";
import { finishAttempt } from "./finish-attempt.ts";
import { isBudgetSpent } from "./spend.ts";

const Listed = z.object({
  tasks: z.array(z.looseObject({ id: z.string(), status: z.string(), attempt: z.int() })),
  next_cursor: z.string().optional(),
});
type ListedTask = z.output<typeof Listed>["tasks"][number];

const Claimed = z.object({
  task: z.looseObject({ id: z.string() }).nullable(),
  claim: Claim.optional(),
  /** The milestones whose budget is spent or reserved. */
  without_budget: z.array(z.string()).optional(),
});

/** A claim is renewed at a third of this; a run that died gives its tasks back after it. */
const LEASE_S = 120;

/** How often the queue is looked at while something has to wait for the clock. */
const POLL_MS = 200;

/**
 * Works the queue of a run until nothing more can be done, with as many tasks at once as it has workers. Returns the
 * tasks that wait for a person.
 *
 * @throws {Interrupted} when the run was told to stop; claims are kept for its resumption.
 */
export async function drive(
  run: PlannedRun,
  tasks: readonly PlannedTask[],
): Promise<ReadonlyMap<string, AttemptEnd>> {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const inFlight = new Map<string, Promise<void>>();
  const waiting = new Map<string, AttemptEnd>();
  let broken: unknown;
  let isFirst = true;
  await tellEnds(run, tasks);
  for (;;) {
    if (inFlight.size >= run.options.workers) await Promise.race(inFlight.values());
    const refused = new Map<string, "no_budget" | null>();
    const open = (await listOpen(run)).filter((task) => !inFlight.has(task.id) && !waiting.has(task.id));
    const startable = open.filter((task) => task.status === "ready" || task.status === "running");
    const mayStart = broken === undefined && !run.signal.aborted && !isBudgetSpent(run);
    if (mayStart) {
      // A merge that a crash cut short comes first and alone: until it is finished the target is in nobody's hands.
      const landing: readonly ListedTask[] = isFirst
        ? startable.filter((listed) => isLanding(run, byId.get(listed.id)))
        : [];
      for (const listed of landing.length > 0 ? landing : startable) {
        const task = byId.get(listed.id);
        if (task === undefined || inFlight.size >= run.options.workers) continue;
        const claim = await claimFor(run, task, listed);
        if (claim === null || claim === "no_budget") {
          refused.set(task.id, claim);
          continue;
        }
        const work = attemptOnce(run, task, claim)
          .then((end) => {
            if (end?.status === "waiting") waiting.set(task.id, end);
          })
          .catch((error: unknown) => {
            broken ??= error;
          })
          .finally(() => inFlight.delete(task.id));
        inFlight.set(task.id, work);
      }
      isFirst = landing.length > 0;
    }
    if (inFlight.size === 0) {
      if (broken !== undefined) throw broken;
      if (run.signal.aborted) throw new Interrupted("the run was told to stop");
      const mayCome = open.some(
        (task) => task.status === "scheduled" || task.status === "running" || task.status === "ready",
      );
      // What the queue holds back behind a task that waits for a person waits for that person, too.
      const isHeld =
        waiting.size > 0 && open.every((task) => task.status === "blocked" || refused.has(task.id));
      // The queue charges an attempt that vanished with all it was allowed, so it may be at the end before the run is.
      if (waiting.size === 0 && [...refused.values()].includes("no_budget"))
        await run.journal.emit("budget.exhausted", { of: "run" });
      if (!mayCome || isHeld || isBudgetSpent(run)) return waiting;
    }
    await Promise.race([...inFlight.values(), run.sleep(POLL_MS)]);
  }
}

function listOpen(run: PlannedRun): Promise<readonly ListedTask[]> {
  return listTasksOf(run, ["ready", "running", "scheduled", "blocked"]);
}

/** The tasks of a run in the queue that have one of these states. */
export async function listTasksOf(
  run: Pick<RunContext, "journal" | "hosts">,
  status: readonly string[],
): Promise<readonly ListedTask[]> {
  const found: ListedTask[] = [];
  let cursor: string | undefined;
  do {
    const page: z.output<typeof Listed> = await run.hosts.tasks.call(
      "list_tasks",
      {
        milestone: run.journal.runId,
        status: [...status],
        limit: 500,
        max_tokens: 20_000,
        ...(cursor === undefined ? {} : { cursor }),
      },
      Listed,
    );
    found.push(...page.tasks);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return found;
}

/** The number of the attempt that is under way or next: the first one whose end the queue has not been told. */
function openAttempt({ journal }: PlannedRun, task: PlannedTask): number {
  let attempt = 1;
  while (journal.finished(stepKey(task, attempt, "told"), z.unknown()) !== undefined) attempt += 1;
  return attempt;
}

function isLanding(run: PlannedRun, task: PlannedTask | undefined): boolean {
  if (task === undefined) return false;
  const finished = (name: string): unknown =>
    run.journal.finished(stepKey(task, openAttempt(run, task), name), z.unknown());
  return finished("land0/expected") !== undefined && finished("end") === undefined;
}

/** Tells the queue of ends that a crash kept from it, under the claims they were reached with. */
async function tellEnds(run: PlannedRun, tasks: readonly PlannedTask[]): Promise<void> {
  for (const task of tasks) {
    const attempt = openAttempt(run, task);
    const end = run.journal.finished(stepKey(task, attempt, "end"), AttemptEnd);
    const claim = latestClaim(run, task);
    if (end === undefined || claim === undefined) continue;
    try {
      await finishAttempt(run, task, claim, attempt, end);
    } catch (error) {
      // The claim has lapsed: whoever claims the task next tells it.
      if (!(error instanceof DomainError && error.code === "conflict")) throw error;
    }
  }
}

function claimKey(task: Pick<PlannedTask, "ref">, number: number): string {
  return `t/${task.ref}/claim${number}`;
}

/** The newest claim that a run has had on a task. */
export function latestClaim(
  { journal }: Pick<RunContext, "journal">,
  task: Pick<PlannedTask, "ref">,
): Claim | undefined {
  return journal.events
    .flatMap((event) =>
      event.type === "task.claimed" &&
      event.data["task"] === task.ref &&
      typeof event.data["claim"] === "number"
        ? [event.data["claim"]]
        : [],
    )
    .map((number) => journal.finished(claimKey(task, number), Claim))
    .findLast((claim) => claim !== undefined);
}

/**
 * Claims a ready task, or finds the claim that this run already has on a running one. The key names the task and the
 * queue's count, so a claim that a crash kept from being noted is given out again. Null where the queue does not give
 * it now, "no_budget" where the run's budget is spent or reserved there.
 */
async function claimFor(
  run: PlannedRun,
  task: PlannedTask,
  listed: ListedTask,
): Promise<Claim | "no_budget" | null> {
  const number = listed.status === "running" ? listed.attempt : listed.attempt + 1;
  const key = claimKey(task, number);
  const known = run.journal.finished(key, Claim);
  if (known !== undefined) return known;
  const { claim, without_budget } = await run.hosts.tasks.call(
    "claim_task",
    {
      agent: run.journal.runId,
      task_id: task.id,
      capabilities: task.capabilities ?? [],
      lease_s: LEASE_S,
      max_tokens: 500,
      idempotency_key: `${run.journal.runId}/${key}`,
    },
    Claimed,
  );
  if (claim === undefined) return without_budget?.includes(run.journal.runId) === true ? "no_budget" : null;
  return run.journal.step(key, Claim, async () => {
    await run.journal.emit("task.claimed", {
      task: task.ref,
      attempt: openAttempt(run, task),
      claim: claim.attempt,
    });
    return claim;
  });
}

/** Runs one attempt under its lease, and tells queue, memory and decision how it ended. */
async function attemptOnce(run: PlannedRun, task: PlannedTask, claim: Claim): Promise<AttemptEnd | null> {
  const lost = new AbortController();
  const heartbeat = setInterval(
    () => {
      run.hosts.tasks.call("report_progress", { token: claim.token }, z.unknown()).catch((error: unknown) => {
        if (error instanceof DomainError && error.code === "conflict") lost.abort();
      });
    },
    (LEASE_S * 1_000) / 3,
  );
  try {
    const attempt = openAttempt(run, task);
    const key = stepKey(task, attempt, "end");
    const known = run.journal.finished(key, AttemptEnd);
    const end = known ?? (await endOf(run, task, claim, attempt, AbortSignal.any([run.signal, lost.signal])));
    if (end.status === "waiting") {
      await keepClaim(run, claim);
      return end;
    }
    await run.journal.step(key, AttemptEnd, async () => end);
    await finishAttempt(run, task, claim, attempt, end);
    return end;
  } catch (error) {
    if (error instanceof LostClaim || lost.signal.aborted) {
      run.log("warn", "an attempt lost its claim", { task: task.ref, attempt: claim.attempt });
      return null;
    }
    if (error instanceof Interrupted || run.signal.aborted) await keepClaim(run, claim);
    throw error;
  } finally {
    clearInterval(heartbeat);
  }
}

async function endOf(
  run: PlannedRun,
  task: PlannedTask,
  claim: Claim,
  attempt: number,
  signal: AbortSignal,
): Promise<AttemptEnd> {
  try {
    return await runAttempt(run, task, { claim, attempt, feedback: feedbackFor(run, task, attempt) }, signal);
  } catch (error) {
    // What the servers refuse ends this attempt; only a stop, a lost claim or a defect of ours ends more.
    if (!(error instanceof DomainError)) throw error;
    if (run.signal.aborted) throw new Interrupted("the run was told to stop");
    run.log("error", "an attempt was refused", {
      task: task.ref,
      attempt,
      error: error.message,
      cause: error.cause instanceof Error ? error.cause.message : error.cause,
    });
    return {
      status: "failed",
      kind: "resource",
      reasons: [error.message, ...(error.hint === undefined ? [] : [error.hint])],
      branch: "",
      commit: "",
      decision: "",
      receipts: [],
      tree: "",
      is_final: false,
    };
  }
}

/** Why the attempt before was refused, for the next one to do better. */
function feedbackFor(run: PlannedRun, task: PlannedTask, attempt: number): string {
  const before = run.journal.finished(stepKey(task, attempt - 1, "end"), AttemptEnd);
  return before === undefined ? "" : before.reasons.join("\n");
}

/** Holds a task for the run's resumption: a person, or a stopped run, takes longer than a lease. */
async function keepClaim(run: PlannedRun, claim: Claim): Promise<void> {
  await run.hosts.tasks
    .call("report_progress", { token: claim.token, extend_s: 86_400 }, z.unknown())
    .catch(() => undefined);
}
