import { IDLE_MS, isVanished, type Agent } from "../domain/agent.ts";
import { expired, setBack } from "../domain/attempt.ts";
import { afterDependency, afterReopening, isHopeless, promoted } from "../domain/waiting.ts";
import { isFinished, isSatisfied, type Task } from "../domain/task.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { isSqliteError } from "../../../kernel/sqlite/database.ts";
import type { Writer } from "../../../kernel/store.ts";
import { noteSettled } from "./budgets.ts";
import type { TaskEmit, TaskStore, TaskTx } from "./task-store.ts";

/** How many overdue tasks one call puts right; the rest waits for the next call. */
const BATCH = 200;

type Tx = TaskTx & { readonly emit: TaskEmit };

/**
 * Saves a change of a task, and tells everything that waits for it when it has ended or was opened again.
 * Returns the tasks that became ready by it.
 */
export async function saveAndSettle(
  tx: Tx,
  before: Task,
  after: Task,
  now: number,
): Promise<readonly string[]> {
  await tx.save(after);
  await noteSettled(tx, before, after);
  if (after.status === before.status) return [];
  if (after.status === "ready") tx.emit("task.ready", after.id, {});
  if (after.status === "dead") tx.emit("task.dead", after.id, { reason: after.failure?.message ?? null });
  if (after.status === "cancelled") tx.emit("task.cancelled", after.id, {});
  if (isFinished(before.status) === isFinished(after.status)) return [];
  const ready: string[] = [];
  const isOver = isFinished(after.status);
  const satisfied = isOver ? KINDS.filter((on) => isSatisfied(on, after.status)) : [];
  // Those that go on waiting for others are counted down together: there may be thousands.
  for (const { task: dependent, on } of await tx.dependentsBut(after.id, satisfied)) {
    const next = isOver
      ? afterDependency(dependent, on, after.status, now)
      : afterReopening(dependent, await hasEndedBadly(tx, dependent), now);
    await tx.save(next);
    if (next.status === dependent.status) continue;
    if (next.status === "ready") {
      tx.emit("task.ready", next.id, {});
      ready.push(next.id);
    } else {
      tx.emit("task.updated", next.id, { status: next.status, because: after.id });
    }
  }
  if (isOver) await tx.countDown(after.id, satisfied, now);
  return ready;
}

const KINDS = ["success", "finish"] as const;

async function hasEndedBadly(tx: Tx, task: Task): Promise<boolean> {
  if (task.status !== "needs_decision") return false;
  const dependencies = await tx.dependencies(task.id);
  return dependencies.some(({ task: other, on }) => isHopeless({ on, status: other.status }));
}

/** Remembers whose claim is taken away, so that a late result is known for one. */
export async function noteLostClaim(tx: TaskTx, { id, attempt, claim }: Task): Promise<void> {
  if (claim !== null) await tx.noteLostClaim({ token: claim.token, taskId: id, agent: claim.agent, attempt });
}

/** How long a task is left alone that upkeep could not put right. */
const PUT_OFF_MS = 3_600_000;

/** Puts one overdue task right; returns it as it was. */
async function settleOne(tx: Tx, id: string, now: number): Promise<Task> {
  const task = await tx.find(id);
  if (task === undefined) throw new Error(`${id} is due and not there`);
  if (task.status === "scheduled") {
    await saveAndSettle(tx, task, promoted(task, now), now);
    return task;
  }
  await settleExpired(tx, task, now);
  return task;
}

/** Takes a task from the holder whose lease ran out. */
export async function settleExpired(tx: Tx, task: Task, now: number): Promise<void> {
  const next = expired(task, now);
  await noteLostClaim(tx, task);
  tx.emit("task.expired", task.id, {
    agent: task.claim?.agent ?? null,
    attempt: task.attempt,
    status: next.status,
  });
  await saveAndSettle(tx, task, next, now);
}

/** A clock that is set back by less lengthens leases by no more. */
const CLOCK_STEP_MS = 60_000;

/** Puts right what the clock changed: leases that ran out, retries and schedules that are due, agents that vanished. */
export async function settleDue(tx: Tx, now: number): Promise<void> {
  for (const id of await tx.renewedAfter(now + CLOCK_STEP_MS, BATCH)) {
    try {
      await tx.isolated(async () => {
        const task = await tx.find(id);
        if (task !== undefined) await tx.save(setBack(task, now));
      });
    } catch (error) {
      // As below: a record that nobody can read holds up nobody else.
      if (error instanceof DomainError || isSqliteError(error)) throw error;
    }
  }
  const returned: Task[] = [];
  for (const id of await tx.due(now, BATCH)) {
    const told: Parameters<TaskEmit>[] = [];
    try {
      const task = await tx.isolated(() =>
        settleOne({ ...tx, emit: (...event) => void told.push(event) }, id, now),
      );
      for (const event of told) tx.emit(...event);
      if (task.status === "running") returned.push(task);
    } catch (error) {
      // Only the store itself may stop all: one row that nobody can put right must not take every read down.
      if (error instanceof DomainError || isSqliteError(error)) throw error;
      await tx.putOff(id, now + PUT_OFF_MS);
      tx.emit("task.updated", id, {
        because: "its record cannot be put right; it is looked at again in an hour",
      });
    }
  }
  await noteVanished(tx, returned, now);
  for (const agent of await tx.silentAgents(now - IDLE_MS, BATCH)) await noteLost(tx, agent, [], now);
}

/** Tells of the agents that owed a word about these tasks and said nothing since. */
async function noteVanished(tx: Tx, returned: readonly Task[], now: number): Promise<void> {
  for (const name of new Set(returned.flatMap(({ claim }) => claim?.agent ?? []))) {
    const agent = await tx.findAgent(name);
    const theirs = returned.filter(({ claim }) => claim?.agent === name);
    const owedSince = Math.max(
      ...theirs.map(({ claim }) => (claim?.expiresAt ?? 0) - (claim?.leaseS ?? 0) * 1_000),
    );
    if (agent !== undefined && isVanished(agent, owedSince)) {
      await noteLost(
        tx,
        agent,
        theirs.map(({ id }) => id),
        now,
      );
    }
  }
}

async function noteLost(tx: Tx, agent: Agent, tasks: readonly string[], now: number): Promise<void> {
  await tx.saveAgent({ ...agent, lostAt: now });
  tx.emit("agent.lost", agent.name, {
    silent_s: Math.max(0, Math.round((now - agent.lastCallAt) / 1_000)),
    tasks: tasks.slice(0, 100),
  });
}

/**
 * Puts right what the clock changed before somebody looks; costs one read where nothing is due. Where the store cannot be
 * written now, what is there is looked at as it is.
 */
export async function settleBeforeReading(store: TaskStore, reader: Writer, now: number): Promise<void> {
  const isDue = await store.read(
    async (tx) =>
      (await tx.due(now, 1)).length > 0 ||
      (await tx.renewedAfter(now + CLOCK_STEP_MS, 1)).length > 0 ||
      (await tx.silentAgents(now - IDLE_MS, 1)).length > 0,
  );
  if (!isDue) return;
  try {
    await store.write(reader, (tx) => settleDue(tx, now));
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== "unavailable") throw error;
  }
}
