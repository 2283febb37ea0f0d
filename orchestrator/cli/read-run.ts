import type { ParseArgsOptionsConfig } from "node:util";
import { systemClock } from "../../kernel/clock.ts";
import { parseFlags, type Flags } from "../../kernel/flags.ts";
import { findHome } from "../../kernel/home.ts";
import { EXIT, type Command, type Io } from "../../kernel/io.ts";
import { openRunStore, type RunStore } from "../run/run-store.ts";
import { foldRun } from "../run/state.ts";
import { runStorePath } from "../start.ts";
import { traceRun } from "../run/trace.ts";
import { listRuns, mustFindRun } from "./find-run.ts";
import { reportMarkdown } from "./report-markdown.ts";
import { reportText } from "./report-text.ts";

const FLAGS = {
  home: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** A command that reads the record of runs: at most one word, the run's name, and the flags all of them take. */
function reading(
  help: string,
  read: (store: RunStore, flags: Flags, io: Io) => Promise<number>,
  more: ParseArgsOptionsConfig = {},
): Command {
  return async (argv, io) => {
    const flags = parseFlags(argv, { ...FLAGS, ...more }, 1);
    if (flags.has("help")) {
      io.out(help);
      return EXIT.done;
    }
    const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
    const store = openRunStore(runStorePath(home), systemClock);
    try {
      return await read(store, flags, io);
    } finally {
      store.close();
    }
  };
}

/** `slipway status [run]`: every run in a line, or one run in full. */
export const statusCommand = reading(
  "slipway status [run] [--json] [--home DIR]\n\nEvery run of the state folder in a line, or one run.",
  async (store, flags, io) => {
    const name = flags.words[0];
    const names = name === undefined ? (await listRuns(store)).map((event) => event.subject) : [name];
    for (const wanted of names) {
      const { id, events } = await mustFindRun(store, wanted);
      const run = foldRun(id, events);
      const merged = run.tasks.filter((task) => task.state === "merged").length;
      const line = `${id}  ${run.status.padEnd(9)} ${merged}/${run.tasks.length} merged  ${run.startedAt}  ${run.goal.slice(0, 60)}`;
      io.out(flags.has("json") ? JSON.stringify(run) : line);
    }
    if (names.length === 0) io.err("there is no run yet: slipway demo, or slipway run");
    return EXIT.done;
  },
);

/** `slipway report [run]`: what was asked, what serves and proves it, what became of it, what it cost. */
export const reportCommand = reading(
  "slipway report [run] [--md|--json] [--home DIR]\n\nWhat was asked, what became of it, and what it cost; --md and --json trace each requirement to tasks, tests and commits. Without a name: the latest run. Exit code 1 where no merged and proven task serves a requirement.",
  async (store, flags, io) => {
    const { id, events } = await mustFindRun(store, flags.words[0]);
    const run = foldRun(id, events);
    const trace = traceRun(id, events);
    if (flags.has("json")) io.out(JSON.stringify({ ...run, ...trace }));
    else io.out(flags.has("md") ? reportMarkdown(run, trace) : reportText(run, trace, []));
    return trace.requirements.every(({ covered }) => covered) ? EXIT.done : EXIT.failed;
  },
  { md: { type: "boolean" } },
);

/** `slipway logs [run]`: every event of a run as NDJSON. */
export const logsCommand = reading(
  "slipway logs [run] [--home DIR]\n\nEvery event of a run, one JSON object a line. Without a name: the latest run.",
  async (store, flags, io) => {
    const { events } = await mustFindRun(store, flags.words[0]);
    for (const event of events) io.out(JSON.stringify(event));
    return EXIT.done;
  },
);
