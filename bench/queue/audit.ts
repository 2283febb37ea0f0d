import type { EventRecord } from "../../kernel/events.ts";
import type { Acknowledged, QueueRun } from "./drive.ts";

/** The events that give a held task back or end it. */
const LETS_GO = new Set<string>(["task.completed", "task.released", "task.failed", "task.expired"]);

/** What was planned, what agents were told, and what the log says about it. */
export interface QueueRecord {
  /** The ids that each task waits for. */
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
  readonly claims: readonly Acknowledged[];
  readonly completions: readonly Acknowledged[];
  readonly events: Iterable<EventRecord>;
}

/** What the log of a queue shows. */
export interface Findings {
  readonly problems: readonly string[];
  /** How many tasks were completed, and how many are out. */
  readonly done: number;
  readonly held: number;
}

/** What a run of the queue did wrong, one line each; empty where nothing. Read from the event log, not from the state. */
export function auditQueue(run: QueueRun): readonly string[] {
  const { problems, done, held } = auditRecord({ ...run, dependencies: dependenciesOf(run) });
  return [
    ...run.damage,
    ...problems,
    ...(done === run.dag.length
      ? []
      : [`${run.dag.length - done} of ${run.dag.length} tasks were never completed`]),
    ...(held === 0 ? [] : [`${held} tasks are still held`]),
    ...abandonedProblems(run),
  ];
}

/** Double claims, starts before their dependencies, and acknowledgements that the log does not know. */
export function auditRecord(record: QueueRecord): Findings {
  const problems: string[] = [];
  const holder = new Map<string, string>();
  const done = new Set<string>();
  const recorded = new Set<string>();
  for (const event of record.events) {
    const { type, subject: task, seq } = event;
    if (type === "task.claimed") {
      const held = holder.get(task);
      if (held !== undefined)
        problems.push(`${seq}: ${task} was claimed by ${agentOf(event)} while ${held} held it`);
      if (done.has(task)) problems.push(`${seq}: ${task} was claimed again after it had been completed`);
      const open = (record.dependencies.get(task) ?? []).filter((other) => !done.has(other));
      if (open.length > 0) problems.push(`${seq}: ${task} was started before ${open.join(", ")}`);
      holder.set(task, agentOf(event));
    } else if (LETS_GO.has(type)) {
      const held = holder.get(task);
      if (held === undefined) problems.push(`${seq}: ${type} of ${task}, which nobody held`);
      if (type === "task.completed") {
        if (held !== agentOf(event))
          problems.push(`${seq}: ${task} was completed by ${agentOf(event)}, held by ${held ?? "nobody"}`);
        done.add(task);
      }
      holder.delete(task);
    }
    if (type === "task.claimed" || type === "task.completed")
      recorded.add(keyOf(type, { task, agent: agentOf(event), attempt: Number(event.data["attempt"]) }));
  }
  for (const claim of record.claims) {
    if (!recorded.has(keyOf("task.claimed", claim)))
      problems.push(`the acknowledged claim of ${claim.task} by ${claim.agent} is lost`);
  }
  for (const completion of record.completions) {
    if (!recorded.has(keyOf("task.completed", completion)))
      problems.push(`the acknowledged completion of ${completion.task} by ${completion.agent} is lost`);
  }
  return { problems, done: done.size, held: holder.size };
}

/** What the killed server had given out must come back by itself and be done by another. */
function abandonedProblems({ abandoned, events }: QueueRun): readonly string[] {
  if (abandoned === undefined) return ["no server was killed"];
  const ofTask = events.filter(({ subject }) => subject === abandoned.task);
  const expired = ofTask.find(
    ({ type, data }) => type === "task.expired" && data["agent"] === abandoned.agent,
  );
  if (expired === undefined) return [`${abandoned.task} never came back from the killed server`];
  const finished = ofTask.find(({ type, seq }) => type === "task.completed" && seq > expired.seq);
  return finished === undefined || agentOf(finished) === abandoned.agent
    ? [`${abandoned.task} was not done by another agent`]
    : [];
}

function dependenciesOf({ dag, idOfRef }: QueueRun): ReadonlyMap<string, readonly string[]> {
  const idOf = (ref: string): string => idOfRef.get(ref) ?? ref;
  return new Map(dag.map(({ ref, dependsOn }) => [idOf(ref), dependsOn.map(idOf)]));
}

function agentOf({ data }: EventRecord): string {
  const agent = data["agent"];
  return typeof agent === "string" ? agent : "nobody";
}

function keyOf(type: string, { task, agent, attempt }: Acknowledged): string {
  return `${type} ${task} ${agent} ${attempt}`;
}
