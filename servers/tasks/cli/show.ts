import { toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import type { EventRecord } from "../../../kernel/events.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command } from "../../../kernel/io.ts";
import { cleanText, oneLine } from "../../../kernel/text.ts";
import { acceptanceInWords, type Task } from "../domain/task.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { taskDetail } from "../tools/answer.ts";
import { explainTasks } from "../tools/explain-tasks.ts";
import { COMMON, mustFind, withQueue, type Queue } from "./queue.ts";
import { briefRow, byAge, percent } from "./rows.ts";
import { details } from "./watch-line.ts";

const HELP = `slipway tasks show <id> [--json] [--home DIR]

Everything known about one task: why it is where it is, what it waits for, what waits for it, and what happened to it.
With --json one object.`;

/** So many dependencies, dependents and events of one task are shown. */
const MOST = 50;

/** `slipway tasks show <id>`. */
export const showCommand: Command = async (argv, io) => {
  const flags = parseFlags(argv, COMMON, 1);
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const [id] = flags.words;
  if (id === undefined)
    throw new DomainError("invalid", "which task?", { hint: "slipway tasks list shows the ids" });
  return withQueue(flags, io, async (queue) => {
    const found = await lookUp(queue, id);
    if (flags.has("json")) io.out(JSON.stringify(asJson(found)));
    else for (const line of inWords(found)) io.out(line);
    return EXIT.done;
  });
};

interface Found {
  readonly task: Task;
  readonly why: readonly string[];
  readonly dependencies: readonly { readonly task: Task; readonly on: string }[];
  readonly dependents: readonly { readonly task: Task; readonly on: string }[];
  readonly events: readonly EventRecord[];
}

async function lookUp({ deps, call }: Queue, id: string): Promise<Found> {
  const { store, clock } = deps;
  await settleBeforeReading(store, call, clock());
  const state = await store.read(async (tx) => ({
    task: await mustFind(tx, id),
    dependencies: await tx.dependencies(id),
    dependents: await tx.dependents(id),
  }));
  const { why = [] } = await explainTasks.run({ id, max_tokens: 1_500 }, deps, call);
  const events = await store.events({ after: 0, subject: id, limit: Number.MAX_SAFE_INTEGER });
  return { ...state, why, events };
}

function asJson({ task, why, dependencies, dependents, events }: Found): Record<string, unknown> {
  const brief = (related: Found["dependencies"]): readonly unknown[] =>
    related.map(({ task: { id, status, title }, on }) => ({ id, status, title, on }));
  return {
    ...taskDetail(task, Number.POSITIVE_INFINITY),
    why,
    dependencies: brief(dependencies),
    dependents: brief(dependents),
    events,
  };
}

function inWords({ task, why, dependencies, dependents, events }: Found): readonly string[] {
  const head = [
    task.id,
    task.status,
    `priority ${task.priority}`,
    `attempt ${task.attempt - task.excused} of ${task.maxAttempts}`,
    ...(task.progress > 0 ? [percent(task.progress)] : []),
  ];
  return [
    head.join("  "),
    oneLine(task.title, 500),
    ...(task.description === "" ? [] : ["", ...cleanText(task.description).split("\n"), ""]),
    ...facts(task).flatMap(([name, lines]) => field(name, lines)),
    ...field("why", why.map(plain)),
    ...field("waits for", related(dependencies)),
    ...field("blocks", related(dependents)),
    ...field("notes", task.notes.map(plain)),
    ...field("history", [
      ...(events.length > MOST ? [`${events.length - MOST} events before these`] : []),
      ...events
        .slice(-MOST)
        .map(({ at, type, data }) => `${at}  ${type.padEnd(14)}  ${details(data).join("")}`),
    ]),
  ];
}

/** What a task says of itself beyond its title, by name. */
function facts(task: Task): readonly (readonly [string, readonly string[]])[] {
  const { claim, failure } = task;
  const one = (text: string | null): readonly string[] => (text === null ? [] : [plain(text)]);
  const json = (value: unknown): readonly string[] => (value == null ? [] : [plain(JSON.stringify(value))]);
  return [
    ["held by", claim === null ? [] : [`${plain(claim.agent)} until ${toIso(claim.expiresAt)}`]],
    ["last worker", claim === null ? one(task.worker) : []],
    ["type", task.type === "task" ? [] : [plain(task.type)]],
    ["milestone", one(task.milestone)],
    ["parent", one(task.parent)],
    ["only for", one(task.assignee)],
    ["needs", task.capabilities.map(plain)],
    ["paths", task.paths.map(plain)],
    ["not before", task.notBefore === null ? [] : [toIso(task.notBefore)]],
    ["budget", Object.keys(task.budget).length === 0 ? [] : json(task.budget)],
    ["spent", task.attempt === 0 ? [] : json(task.spent)],
    ["accepted by", task.acceptance.map((item) => plain(acceptanceInWords(item)))],
    ["error", failure === null ? [] : [`${failure.kind}: ${plain(failure.message)}`]],
    ["context", json(task.context)],
    ["checkpoint", json(task.checkpoint)],
    ["output", json(task.output)],
    ["artifacts", task.artifacts.map(plain)],
  ];
}

function related(items: Found["dependencies"]): readonly string[] {
  const shown = items
    .toSorted(byAge)
    .slice(0, MOST)
    .map(({ task, on }) => `${briefRow(task)}${on === "finish" ? "  (any end)" : ""}`);
  return items.length > MOST ? [...shown, `and ${items.length - MOST} more`] : shown;
}

const NAME = 13;

function field(name: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, index) => `${(index === 0 ? name : "").padEnd(NAME)}${line}`);
}

function plain(text: string): string {
  return oneLine(text, 300);
}
