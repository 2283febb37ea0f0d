import { DomainError } from "../../../kernel/errors.ts";
import { findCycle } from "../../../kernel/graph.ts";
import { mergeDependencies, type Dependency } from "../domain/batch.ts";
import type { Task } from "../domain/task.ts";
import { rewired, type DependencyState } from "../domain/waiting.ts";
import type { TaskTx } from "../store/task-store.ts";
import { mustFind } from "./answer.ts";

/**
 * Changes what a task waits for, and returns the task as it is then, not saved.
 *
 * @throws {DomainError} invalid for a circle, not_found for a task or dependency that is not there, invalid_state for a
 * task that is over.
 */
export async function rewire(
  tx: TaskTx,
  task: Task,
  wanted: readonly Dependency[],
  unwanted: readonly string[],
  now: number,
): Promise<Task> {
  if (task.status === "succeeded" || task.status === "cancelled")
    throw new DomainError("invalid_state", `${task.id} is ${task.status} and waits for nothing any more`, {
      hint: "leave its dependencies as they are; add_tasks adds what is still to be done",
    });
  const before = (await tx.dependencies(task.id)).map(({ task: other, on }) => stateOf(other, on));
  const missing = unwanted.find((id) => before.every((known) => known.task !== id));
  if (missing !== undefined) {
    throw new DomainError("not_found", `${task.id} does not depend on ${missing}`, {
      hint: "get_task with include dependencies shows what it depends on",
    });
  }
  const added: DependencyState[] = [];
  for (const { task: id, on } of mergeDependencies(wanted)) added.push(stateOf(await mustFind(tx, id), on));
  await refuseCircle(
    tx,
    task.id,
    added.map((dependency) => dependency.task),
  );
  await tx.changeDependencies(task.id, unwanted, added);
  const gone = new Set([...unwanted, ...added.map((dependency) => dependency.task)]);
  return rewired(task, before, [...before.filter((known) => !gone.has(known.task)), ...added], now);
}

function stateOf({ id, status }: Task, on: Dependency["on"]): DependencyState {
  return { task: id, on, status };
}

async function refuseCircle(tx: TaskTx, id: string, added: readonly string[]): Promise<void> {
  const waitsFor = new Map<string, string[]>([[id, [...added]]]);
  for (const { task, on } of await tx.edgesAbove(added))
    waitsFor.set(task, [...(waitsFor.get(task) ?? []), on]);
  const circle = findCycle(waitsFor);
  if (circle === null) return;
  const shown = circle.length > 20 ? [...circle.slice(0, 20), `… ${circle.length - 20} more`] : circle;
  throw new DomainError(
    "invalid",
    `the tasks would depend on each other in a circle: ${shown.join(" -> ")}`,
    {
      hint: "remove one of these dependencies first; nothing was changed",
    },
  );
}
