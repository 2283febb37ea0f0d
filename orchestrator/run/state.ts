import { z } from "zod";
import type { EventRecord } from "../../kernel/events.ts";

/** Where a task of a run stands, as people see it. */
export type TaskState =
  | "waiting_for_others"
  | "working"
  | "retrying"
  | "waiting"
  | "merged"
  | "rejected"
  | "failed"
  | "cancelled";

export interface TaskView {
  readonly ref: string;
  readonly id: string;
  readonly title: string;
  readonly dependsOn: readonly string[];
  readonly state: TaskState;
  readonly attempt: number;
  /** The gates of the present attempt, in order. */
  readonly gates: readonly {
    readonly gate: string;
    readonly verdict: "passed" | "failed" | "not_available";
  }[];
  readonly commit: string;
  readonly branch: string;
  readonly reasons: readonly string[];
}

export interface RunView {
  readonly id: string;
  readonly goal: string;
  readonly repo: string;
  readonly phase: string;
  /** "running", "paused", or how the run finished. */
  readonly status: string;
  readonly tasks: readonly TaskView[];
  /** What the commands of the run were isolated by; "unisolated" where nothing was. */
  readonly backends: readonly string[];
  readonly tokens: number;
  /** Null once something was spent whose price is not known. */
  readonly usd: number | null;
  readonly startedAt: string;
  readonly at: string;
}

const Data = z.looseObject({
  task: z.string().optional(),
  id: z.string().nullable().optional(),
  title: z.string().optional(),
  depends_on: z.array(z.string()).optional(),
  attempt: z.int().optional(),
  branch: z.string().optional(),
  commit: z.string().optional(),
  gate: z.string().optional(),
  reasons: z.array(z.string()).optional(),
  status: z.string().optional(),
  phase: z.string().optional(),
  backend: z.string().optional(),
  goal: z.string().optional(),
  repo: z.string().optional(),
  tokens: z.number().nullable().optional(),
  usd: z.number().nullable().optional(),
  tasks: z
    .array(z.looseObject({ ref: z.string(), status: z.string(), reasons: z.array(z.string()) }))
    .optional(),
});
type Data = z.output<typeof Data>;

/** A run before its first event. */
export function emptyRun(id: string): RunView {
  return {
    id,
    goal: "",
    repo: "",
    phase: "",
    status: "running",
    tasks: [],
    backends: [],
    tokens: 0,
    usd: 0,
    startedAt: "",
    at: "",
  };
}

/** Takes one event into the view of a run; events in order give the state, whenever they are read. */
export function withEvent(run: RunView, event: EventRecord): RunView {
  const data = Data.parse(event.data);
  const next = { ...run, at: event.at };
  switch (event.type) {
    case "run.started":
      return {
        ...next,
        goal: data.goal ?? "",
        repo: data.repo ?? "",
        startedAt: event.at,
        status: "running",
      };
    case "run.resumed":
      return { ...next, status: "running" };
    case "run.paused":
      return { ...next, status: "paused" };
    case "run.finished":
      return finished(next, data);
    case "phase.started":
      return { ...next, phase: data.phase ?? "" };
    case "sandbox.created":
      return { ...next, backends: [...new Set([...run.backends, data.backend ?? ""])] };
    case "spend.updated":
      return {
        ...next,
        tokens: run.tokens + (data.tokens ?? 0),
        usd: run.usd === null || data.usd == null ? null : run.usd + data.usd,
      };
    case "task.added":
      return { ...next, tasks: [...run.tasks.filter((task) => task.ref !== data.task), newTask(data)] };
    default:
      return {
        ...next,
        tasks: run.tasks.map((task) =>
          task.ref === data.task ? withTaskEvent(task, event.type, data) : task,
        ),
      };
  }
}

function newTask(data: Data): TaskView {
  return {
    ref: data.task ?? "",
    id: data.id ?? "",
    title: data.title ?? "",
    dependsOn: data.depends_on ?? [],
    state: "waiting_for_others",
    attempt: 0,
    gates: [],
    commit: "",
    branch: "",
    reasons: [],
  };
}

function withTaskEvent(task: TaskView, type: EventRecord["type"], data: Data): TaskView {
  const gate = (verdict: "passed" | "failed" | "not_available"): TaskView => ({
    ...task,
    gates: [...task.gates.filter((known) => known.gate !== data.gate), { gate: data.gate ?? "", verdict }],
    reasons: verdict === "failed" ? (data.reasons ?? []) : task.reasons,
  });
  switch (type) {
    case "task.claimed":
      return { ...task, state: "working", attempt: data.attempt ?? task.attempt, gates: [] };
    case "attempt.started":
      return { ...task, state: "working", branch: data.branch ?? task.branch };
    case "gate.passed":
      return gate("passed");
    case "gate.failed":
      return gate("failed");
    case "gate.not_available":
      return gate("not_available");
    case "approval.requested":
      return { ...task, state: "waiting", reasons: data.reasons ?? [] };
    case "task.completed":
      return { ...task, state: "merged", commit: data.commit ?? "", reasons: [] };
    case "task.failed":
      return { ...task, state: "retrying", reasons: data.reasons ?? [] };
    case "task.dead":
      return { ...task, state: data.status === "rejected" ? "rejected" : "failed" };
    default:
      return task;
  }
}

const FINAL: Readonly<Record<string, TaskState>> = {
  merged: "merged",
  rejected: "rejected",
  failed: "failed",
  cancelled: "cancelled",
  waiting: "waiting",
};

function finished(run: RunView, data: Data): RunView {
  const ends = new Map((data.tasks ?? []).map((task) => [task.ref, task]));
  return {
    ...run,
    phase: "",
    status: data.status ?? "failed",
    tasks: run.tasks.map((task) => {
      const end = ends.get(task.ref);
      return end === undefined
        ? task
        : { ...task, state: FINAL[end.status] ?? task.state, reasons: end.reasons };
    }),
  };
}

/** The state that a list of events adds up to. */
export function foldRun(id: string, events: readonly EventRecord[]): RunView {
  return events.reduce(withEvent, emptyRun(id));
}
