import { setTimeout } from "node:timers/promises";
import { systemClock } from "../../kernel/clock.ts";
import { DomainError } from "../../kernel/errors.ts";
import { parseFlags, type Flags } from "../../kernel/flags.ts";
import { findHome } from "../../kernel/home.ts";
import { EXIT, type Command, type Io } from "../../kernel/io.ts";
import { haltDriver, LOOKS_PER_SECOND } from "../run/halt.ts";
import { endTree, isDriverAlive } from "../run/process-life.ts";
import { openRunStore, type Driver, type RunStore } from "../run/run-store.ts";
import { foldRun } from "../run/state.ts";
import { traceRun } from "../run/trace.ts";
import { cancelRide, runStorePath } from "../start.ts";
import { listRuns, mustFindRun } from "./find-run.ts";
import { reportText } from "./report-text.ts";
import { showJson, showLines } from "./view.ts";

interface Control {
  readonly store: RunStore;
  readonly home: string;
  readonly flags: Flags;
  readonly io: Io;
}

function controlling(help: string, maxWords: number, act: (control: Control) => Promise<number>): Command {
  return async (argv, io) => {
    const flags = parseFlags(
      argv,
      {
        home: { type: "string" },
        json: { type: "boolean" },
        verbose: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
      maxWords,
    );
    if (flags.has("help")) {
      io.out(help);
      return EXIT.done;
    }
    const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
    const store = openRunStore(runStorePath(home), systemClock);
    try {
      return await act({ store, home, flags, io });
    } finally {
      store.close();
    }
  };
}

const PATIENCE_S = 60;

/** `slipway pause [run]`: its process stops at the next safe point; `slipway resume` goes on. */
export const pauseCommand = controlling(
  "slipway pause [run] [--home DIR]\n\nStops the process that drives a run at its next safe point, as Ctrl-C does. slipway resume goes on. Without a name: the latest run.",
  1,
  async (control) => {
    const id = await openRun(control, control.flags.words[0]);
    await mustHalt(control, id);
    const { events } = await mustFindRun(control.store, id);
    const { status } = foldRun(id, events);
    const goesOn =
      events.at(-1)?.type === "run.finished" && status !== "waiting"
        ? ""
        : `; go on with: slipway resume ${id}`;
    control.io.out(
      `${id} ${goesOn === "" ? status : status === "waiting" ? "waits for a person" : "is paused"}${goesOn}`,
    );
    return EXIT.done;
  },
);

/** `slipway cancel <run>`: ends it for good, and clears up after it. */
export const cancelCommand = controlling(
  "slipway cancel <run> [--json] [--verbose] [--home DIR]\n\nEnds a run for good: stops its process, cancels its open tasks, gives back its claims, removes its worktrees and sandboxes. What was merged stays, and so do the branches of the rest.",
  1,
  async (control) => {
    const { store, home, flags, io } = control;
    const name = flags.words[0];
    if (name === undefined)
      throw new DomainError("invalid", "which run?", { hint: "slipway status shows the runs" });
    const id = await openRun(control, name);
    await mustHalt(control, id);
    const journal = await cancelRide(store, id, {
      home,
      io,
      verbose: flags.has("verbose"),
      watch: (opened) => void (flags.has("json") ? showJson(opened, io) : showLines(opened, io)),
    });
    if (!flags.has("json")) io.out(reportText(foldRun(id, journal.events), traceRun(id, journal.events), []));
    return EXIT.done;
  },
);

/** `slipway stop`: the kill switch. */
export const stopCommand = controlling(
  "slipway stop [--home DIR]\n\nStops everything that runs drive in this state folder: each process is asked, and after ten seconds ended with all it started. Every run can be resumed, or cancelled.",
  0,
  async ({ store, io }) => {
    const runs = (await listRuns(store)).map((event) => event.subject);
    const stopped = await Promise.all(
      runs.map(async (id): Promise<string | null> => {
        const driver = await store.driverOf(id);
        if (driver === undefined || !isDriverAlive(driver)) return null;
        const stuck = await haltDriver(store, id, {
          sleep: setTimeout,
          looks: 10 * LOOKS_PER_SECOND,
          onWait: waiting(io, id),
        });
        if (stuck !== null) endTree(stuck);
        return `${id} ${stuck === null ? "stopped" : "ended by force"}; go on with: slipway resume ${id}`;
      }),
    );
    const lines = stopped.filter((line) => line !== null);
    for (const line of lines) io.out(line);
    if (lines.length === 0) io.err("nothing runs");
    return EXIT.done;
  },
);

/** The id of a run that has not ended. */
async function openRun({ store }: Control, name: string | undefined): Promise<string> {
  const { id, events } = await mustFindRun(store, name);
  const end = events.findLast((event) => event.type === "run.finished")?.data["status"];
  if (end !== undefined && end !== "waiting")
    throw new DomainError("invalid_state", `${id} has finished`, { hint: `slipway report ${id} shows how` });
  return id;
}

async function mustHalt({ store, io }: Control, id: string): Promise<void> {
  const stuck = await haltDriver(store, id, {
    sleep: setTimeout,
    looks: PATIENCE_S * LOOKS_PER_SECOND,
    onWait: waiting(io, id),
  });
  if (stuck !== null)
    throw new DomainError("timeout", `process ${stuck.pid} still drives ${id} after ${PATIENCE_S} s`, {
      hint: "slipway stop ends it by force",
    });
}

function waiting(io: Io, id: string): (driver: Driver) => void {
  return ({ pid }) => io.err(`waiting for process ${pid} to bring ${id} to a safe point …`);
}
