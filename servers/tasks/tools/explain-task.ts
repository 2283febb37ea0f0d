import { toIso } from "../../../kernel/clock.ts";
import { clipText } from "../../../kernel/text.ts";
import type { OpenGraph } from "../domain/analysis/graph.ts";
import { dependentsOf } from "../domain/analysis/reach.ts";
import { globsOverlap } from "../domain/paths.ts";
import { isExhausted, isFinished, type Task } from "../domain/task.ts";
import { isHopeless } from "../domain/waiting.ts";
import type { Reservation, TaskTx } from "../store/task-store.ts";
import { mustFind } from "./answer.ts";
import { brieflyWithStatus, shownOf } from "./brief.ts";
import { TOO_LARGE } from "./load-graph.ts";
import { fitList } from "./fit.ts";

/** Why one task is where it is, in at most about 1,200 tokens. `graph` is null where it is too large to look at. */
export async function explainTask(
  tx: TaskTx,
  graph: OpenGraph | null,
  id: string,
  now: number,
): Promise<Record<string, unknown>> {
  const task = await mustFind(tx, id);
  const dependencies = await tx.dependencies(id);
  const waiting = dependencies.filter(({ task: on }) => !isFinished(on.status)).map(({ task: on }) => on);
  const failed = dependencies
    .filter(({ task: on, on: kind }) => isHopeless({ on: kind, status: on.status }))
    .map(({ task: on }) => on);
  const meeting = isFinished(task.status) || task.status === "running" ? [] : await pathsInTheWay(tx, task);
  return {
    id,
    status: task.status,
    why: fitList(reasons(task, waiting.length, failed.length, meeting.length, now), 350),
    ...(waiting.length === 0 ? {} : { waits_for: shownOf(waiting.map(brieflyWithStatus), 250) }),
    ...(failed.length === 0 ? {} : { ended_badly: shownOf(failed.map(brieflyWithStatus), 150) }),
    ...(meeting.length === 0 ? {} : { reserved: fitList(meeting, 200) }),
    ...blocked(graph, id),
  };
}

function reasons(task: Task, waiting: number, failed: number, meeting: number, now: number): string[] {
  const why: string[] = [];
  if (task.status === "running") why.push(`${clipText(task.worker ?? "somebody", 60)} works on it`);
  if (isFinished(task.status)) why.push(`it is over: ${task.status}`);
  if (task.status === "paused") why.push("it is paused: update_task with status ready queues it again");
  if (task.status === "needs_review") why.push("its work waits for review_task");
  if (failed > 0 && !isFinished(task.status))
    why.push(`${failed} of its dependencies ended badly: update_task with status ready goes on without them`);
  if (waiting > 0) why.push(`${waiting} of its dependencies are open`);
  if (task.notBefore !== null && task.notBefore > now) why.push(`not before ${toIso(task.notBefore)}`);
  if (meeting > 0) why.push(`running tasks have reserved paths that it needs`);
  const isWaiting = !isFinished(task.status) && task.status !== "running";
  if (isWaiting && task.assignee !== null) why.push(`only for ${clipText(task.assignee, 60)}`);
  if (isWaiting && task.capabilities.length > 0)
    why.push(`only for agents with ${clipText(task.capabilities.join(", "), 120)}`);
  if (isWaiting && task.avoid !== null && task.avoid.until > now)
    why.push(`rather for others than ${clipText(task.avoid.agent, 60)} until ${toIso(task.avoid.until)}`);
  if (task.attempt > 0) {
    const counted = task.attempt - task.excused;
    why.push(
      `${counted} of ${task.maxAttempts} attempts used${isExhausted(task) ? ", none is left" : ""}${
        task.failure === null ? "" : `; the last one: ${clipText(task.failure.message, 150)}`
      }`,
    );
  }
  if (why.length === 0) why.push("nothing holds it back");
  return why;
}

async function pathsInTheWay(tx: TaskTx, task: Task): Promise<readonly Reservation[]> {
  if (task.paths.length === 0) return [];
  return (await tx.reservations())
    .filter(({ path }) => task.paths.some((wanted) => globsOverlap(wanted, path)))
    .map(({ path, agent, task: holder }) => ({
      path: clipText(path, 80),
      task: holder,
      agent: agent === null ? null : clipText(agent, 60),
    }));
}

function blocked(graph: OpenGraph | null, id: string): Record<string, unknown> {
  if (graph === null) return { omitted: TOO_LARGE };
  const place = graph.tasks.findIndex((task) => task.id === id);
  const dependents = place === -1 ? [] : dependentsOf(graph, place).flatMap((at) => graph.tasks[at] ?? []);
  return { blocks: shownOf(dependents.map(brieflyWithStatus), 300) };
}
