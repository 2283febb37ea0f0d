import { systemClock } from "../../kernel/clock.ts";
import { parseFlags } from "../../kernel/flags.ts";
import { findHome } from "../../kernel/home.ts";
import { EXIT, type Command } from "../../kernel/io.ts";
import { openRunStore } from "../run/run-store.ts";
import { foldRun } from "../run/state.ts";
import { runStorePath } from "../start.ts";
import { listRuns, mustFindRun } from "./find-run.ts";
import { reportText } from "./report-text.ts";

const FLAGS = {
  home: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** `slipway status [run]`: every run in a line, or one run in full. */
export const statusCommand: Command = async (argv, io) => {
  const flags = parseFlags(argv, FLAGS, 1);
  if (flags.has("help")) {
    io.out(
      "slipway status [run] [--json] [--home DIR]\n\nEvery run of the state folder in a line, or one run.",
    );
    return EXIT.done;
  }
  const store = openRunStore(
    runStorePath(findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd })),
    systemClock,
  );
  try {
    const names =
      flags.words[0] === undefined ? (await listRuns(store)).map((event) => event.subject) : [flags.words[0]];
    for (const name of names) {
      const { id, events } = await mustFindRun(store, name);
      const run = foldRun(id, events);
      const merged = run.tasks.filter((task) => task.state === "merged").length;
      if (flags.has("json")) io.out(JSON.stringify(run));
      else
        io.out(
          `${id}  ${run.status.padEnd(9)} ${merged}/${run.tasks.length} merged  ${run.startedAt}  ${run.goal.slice(0, 60)}`,
        );
    }
    if (names.length === 0) io.err("there is no run yet: slipway demo, or slipway run");
    return EXIT.done;
  } finally {
    store.close();
  }
};

/** `slipway report [run]`: what was asked, what became of it, what it cost. */
export const reportCommand: Command = async (argv, io) => {
  const flags = parseFlags(argv, FLAGS, 1);
  if (flags.has("help")) {
    io.out(
      "slipway report [run] [--json] [--home DIR]\n\nWhat was asked, what became of it, and what it cost. Without a name: the latest run.",
    );
    return EXIT.done;
  }
  const store = openRunStore(
    runStorePath(findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd })),
    systemClock,
  );
  try {
    const { id, events } = await mustFindRun(store, flags.words[0]);
    const run = foldRun(id, events);
    io.out(flags.has("json") ? JSON.stringify(run) : reportText(run, []));
    return EXIT.done;
  } finally {
    store.close();
  }
};

/** `slipway logs [run]`: every event of a run as NDJSON. */
export const logsCommand: Command = async (argv, io) => {
  const flags = parseFlags(argv, FLAGS, 1);
  if (flags.has("help")) {
    io.out(
      "slipway logs [run] [--home DIR]\n\nEvery event of a run, one JSON object a line. Without a name: the latest run.",
    );
    return EXIT.done;
  }
  const store = openRunStore(
    runStorePath(findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd })),
    systemClock,
  );
  try {
    const { events } = await mustFindRun(store, flags.words[0]);
    for (const event of events) io.out(JSON.stringify(event));
    return EXIT.done;
  } finally {
    store.close();
  }
};
