import { afterDependency, expired, promoted } from "../domain/transitions.ts";
import { isFinished, type Task } from "../domain/task.ts";
import type { Writer } from "../../../kernel/store.ts";
import type { TaskEmit, TaskStore, TaskTx } from "./task-store.ts";

/** How many overdue tasks one call puts right; the rest waits for the next call. */
const BATCH = 200;

type Tx = TaskTx & { readonly emit: TaskEmit };

/** Saves a task, and tells everything that waits for it when it has ended. Returns the tasks that became ready. */
export async function saveAndSettle(tx: Tx, task: Task, now: number): Promise<readonly string[]> {
  await tx.save(task);
  if (task.status === "ready") tx.emit("task.ready", task.id, {});
  if (task.status === "dead") tx.emit("task.dead", task.id, { reason: task.failure?.message ?? null });
  if (!isFinished(task.status)) return [];
  const ready: string[] = [];
  for (const { task: dependent, on } of await tx.dependents(task.id)) {
    const next = afterDependency(dependent, on, task.status, now);
    if (next === dependent) continue;
    await tx.save(next);
    if (next.status === "ready" && dependent.status !== "ready") {
      tx.emit("task.ready", next.id, {});
      ready.push(next.id);
    }
  }
  return ready;
}

/** Puts right what the clock changed: leases that ran out, retries and schedules that are due. */
export async function settleDue(tx: Tx, now: number): Promise<void> {
  for (const task of await tx.due(now, BATCH)) {
    if (task.status === "scheduled") {
      await saveAndSettle(tx, promoted(task, now), now);
    } else {
      tx.emit("task.expired", task.id, { agent: task.claim?.agent ?? null, attempt: task.attempt });
      await saveAndSettle(tx, expired(task, now), now);
    }
  }
}

/** Puts right what the clock changed before somebody looks; costs one read where nothing is due. */
export async function settleBeforeReading(store: TaskStore, reader: Writer, now: number): Promise<void> {
  const due = await store.read((tx) => tx.due(now, 1));
  if (due.length > 0) await store.write(reader, (tx) => settleDue(tx, now));
}
