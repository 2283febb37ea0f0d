import { toIso } from "../../../kernel/clock.ts";
import { clipText } from "../../../kernel/text.ts";
import { isPurseEmpty } from "../domain/budget.ts";
import { globsOverlap } from "../domain/paths.ts";
import { isExhausted, isFinished, type Task } from "../domain/task.ts";
import { isHopeless } from "../domain/waiting.ts";
import type { Reservation, TaskTx } from "../store/task-store.ts";
import { mustFind } from "./answer.ts";
import { brieflyWithStatus, MOST_SHOWN, shownOf } from "./brief.ts";
import { noBudget } from "./no-budget.ts";
import { dropFields, fitList } from "./fit.ts";

/** Why one task is where it is, and what waits for it. */
export async function explainTask(
  tx: TaskTx,
  id: string,
  now: number,
  maxTokens: number,
): Promise<Record<string, unknown>> {
  const task = await mustFind(tx, id);
  const dependencies = await tx.dependencies(id);
  const waiting = dependencies.filter(({ task: on }) => !isFinished(on.status)).map(({ task: on }) => on);
  const failed = dependencies
    .filter(({ task: on, on: kind }) => isHopeless({ on: kind, status: on.status }))
    .map(({ task: on }) => on);
  const isWaiting = !isFinished(task.status) && task.status !== "running";
  const spent =
    isWaiting && task.milestone !== null ? (await tx.purses(task.milestone)).filter(isPurseEmpty) : [];
  const meeting = isWaiting ? await pathsInTheWay(tx, task) : [];
  const why = [
    ...(spent.length === 0 ? [] : [noBudget(spent.map(({ milestone }) => milestone))]),
    ...reasons(task, waiting.length, failed.length, meeting.length, now),
  ];
  if (why.length === 0) why.push("nothing holds it back");
  const part = (tokens: number): number => (tokens * maxTokens) / USUAL_TOKENS;
  const explained = {
    id,
    status: task.status,
    why: fitList(why, Math.max(150, part(350))),
    ...(waiting.length === 0 ? {} : { waits_for: shownOf(waiting, part(250), brieflyWithStatus) }),
    ...(failed.length === 0 ? {} : { ended_badly: shownOf(failed, part(150), brieflyWithStatus) }),
    ...(meeting.length === 0 ? {} : { reserved: fitList(meeting, part(200)) }),
    blocks: await blocked(tx, task, part(300)),
  };
  return dropFields(explained, ["reserved", "ended_badly", "waits_for", "blocks", "why"], maxTokens);
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

/** What the parts of an answer are measured for. */
const USUAL_TOKENS = 1_500;
/** So many that wait are counted. */
const MOST_COUNTED = 100_000;

async function blocked(tx: TaskTx, task: Task, maxTokens: number): Promise<Record<string, unknown>> {
  const ids = isFinished(task.status) ? [] : await tx.openBelow(task.id, MOST_COUNTED + 1);
  const first: Task[] = [];
  for (const id of ids.slice(0, Math.min(MOST_SHOWN, Math.ceil(maxTokens / LEAST_SHOWN))))
    first.push(await mustFind(tx, id));
  const { tasks } = shownOf(first, maxTokens, brieflyWithStatus);
  const isAll = ids.length <= MOST_COUNTED;
  return { count: isAll ? ids.length : MOST_COUNTED, ...(isAll ? {} : { more: true }), tasks };
}

/** The fewest tokens that a task in short costs. */
const LEAST_SHOWN = 10;
