import type { EventRecord } from "../../kernel/events.ts";
import type { Io } from "../../kernel/io.ts";
import type { Journal } from "../run/journal.ts";
import { UNISOLATED } from "./report-text.ts";
import { emptyRun, foldRun, withEvent, type RunView, type TaskState, type TaskView } from "../run/state.ts";

/** How a run is shown while it goes on. */
export interface Shown {
  /** Stops drawing and leaves the last picture. */
  end(): void;
}

const MARK: Readonly<Record<TaskState, string>> = {
  waiting_for_others: "·",
  working: "▸",
  retrying: "↻",
  waiting: "?",
  merged: "✓",
  rejected: "✗",
  failed: "✗",
  cancelled: "-",
};

const COLOUR: Readonly<Record<TaskState, number>> = {
  waiting_for_others: 90,
  working: 36,
  retrying: 33,
  waiting: 33,
  merged: 32,
  rejected: 31,
  failed: 31,
  cancelled: 90,
};

/** Events whose NDJSON a program may want; steps are the run's own bookkeeping. */
function isPublic(event: EventRecord): boolean {
  return event.type !== "step.finished" && event.type !== "step.started";
}

/** Prints every event as one line of JSON; the last one also carries its data at the top level. */
export function showJson(journal: Journal, io: Io): Shown {
  const print = (event: EventRecord): void => {
    if (!isPublic(event)) return;
    const top = event.type === "run.finished" ? event.data : {};
    io.out(JSON.stringify({ ...top, ...event }));
  };
  const from = journal.events.at(-1);
  if (journal.events.length === 1 && from !== undefined) print(from);
  return { end: journal.onEvent(print) };
}

/** Prints one plain line for each thing that happened. */
export function showLines(journal: Journal, io: Io): Shown {
  const end = journal.onEvent((event) => {
    const line = lineOf(event);
    if (line !== null) io.err(line);
  });
  return { end };
}

/** Draws the tasks of the run on a terminal, again and again in the same place. */
export function showLive(
  journal: Journal,
  write: (text: string) => void,
  size: { readonly columns: number; readonly rows: number },
  useColour: boolean,
): Shown {
  let run: RunView =
    journal.events.length === 0 ? emptyRun(journal.runId) : foldRun(journal.runId, journal.events);
  // A terminal may say that it has no size.
  const room = { columns: size.columns > 0 ? size.columns : 80, rows: size.rows > 0 ? size.rows : 24 };
  let height = 0;
  let frame = 0;
  const draw = (): void => {
    const lines = picture(run, room, useColour, frame);
    const up = height > 1 ? `\u001b[${height - 1}A` : "";
    write(`${up}\r\u001b[J${lines.join("\n")}`);
    height = lines.length;
  };
  const stop = journal.onEvent((event) => {
    run = withEvent(run, event);
    draw();
  });
  const timer = setInterval(() => {
    frame += 1;
    draw();
  }, 250);
  draw();
  return {
    end() {
      clearInterval(timer);
      stop();
      draw();
      write("\n");
    },
  };
}

const SPIN = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠇"];

function picture(
  run: RunView,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  useColour: boolean,
  frame: number,
): readonly string[] {
  const paint = (code: number, text: string): string =>
    useColour ? `\u001b[${code}m${text}\u001b[0m` : text;
  const merged = run.tasks.filter((task) => task.state === "merged").length;
  const head = `${run.id}  ${run.status === "running" ? run.phase : run.status}  ${merged}/${run.tasks.length} merged  ${run.tokens} tokens`;
  const room = Math.max(1, rows - 4);
  const shown = run.tasks.slice(0, room);
  const lines = shown.map((task) => {
    const mark = task.state === "working" ? (SPIN[frame % SPIN.length] ?? MARK.working) : MARK[task.state];
    return `${paint(COLOUR[task.state], mark)} ${taskLine(task).slice(0, Math.max(10, columns - 3))}`;
  });
  const warning = run.backends.includes("unisolated")
    ? [paint(33, `! ${UNISOLATED}`.slice(0, columns - 1))]
    : [];
  return [
    head.slice(0, columns - 1),
    ...warning,
    ...lines,
    ...(run.tasks.length > room ? [`  … ${run.tasks.length - room} more`] : []),
  ];
}

function taskLine(task: TaskView): string {
  const gates = task.gates
    .map(({ gate, verdict }) => `${verdict === "passed" ? "✓" : verdict === "failed" ? "✗" : "–"} ${gate}`)
    .join("  ");
  const after =
    task.dependsOn.length === 0 || task.state !== "waiting_for_others"
      ? ""
      : `after ${task.dependsOn.join(", ")}`;
  const attempt = task.attempt > 1 ? `attempt ${task.attempt}` : "";
  return [task.ref.padEnd(20), task.title, attempt, after, gates, task.commit.slice(0, 10)]
    .filter((part) => part !== "")
    .join("  ");
}

function lineOf(event: EventRecord): string | null {
  const { attempt, reasons } = event.data;
  const text = (key: string): string => {
    const value = event.data[key];
    return typeof value === "string" ? value : "";
  };
  const firstReason = Array.isArray(reasons) ? reasons.map(String).join("; ").split("\n")[0] : undefined;
  const why = firstReason === undefined || firstReason === "" ? "" : `: ${firstReason}`;
  const who = `${text("task")}${typeof attempt === "number" && attempt > 1 ? ` (attempt ${attempt})` : ""}`;
  switch (event.type) {
    case "phase.started":
      return `== ${text("phase")}`;
    case "sandbox.created":
      return text("backend") === "unisolated" ? `! ${UNISOLATED}` : `== commands run in ${text("backend")}`;
    case "task.added":
      return `   ${text("task")}: ${text("title")}`;
    case "attempt.started":
      return `▸ ${who} begins`;
    case "gate.passed":
      return `  ✓ ${who} ${text("gate")}`;
    case "gate.failed":
      return `  ✗ ${who} ${text("gate")}${why}`;
    case "gate.not_available":
      return `  – ${text("task") === "" ? "" : `${who} `}${text("gate")} not available${why}`;
    case "approval.requested":
      return `? ${who} waits for a person: slipway approve ${text("approval_id")}`;
    case "task.completed":
      return `✓ ${who} merged as ${text("commit").slice(0, 10)}`;
    case "task.failed":
      return `✗ ${who} ${text("status") === "dead" ? "given up" : "to be tried again"}${why}`;
    case "run.resumed":
      return "== resumed";
    case "run.paused":
      return `== paused; slipway resume ${event.subject}`;
    default:
      return null;
  }
}
