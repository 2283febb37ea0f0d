import { systemClock } from "../../kernel/clock.ts";
import { DomainError } from "../../kernel/errors.ts";
import { parseFlags } from "../../kernel/flags.ts";
import { findHome } from "../../kernel/home.ts";
import { EXIT, type Command } from "../../kernel/io.ts";
import { readSettings } from "../config.ts";
import { RunOptions } from "../run/options.ts";
import { openRunStore } from "../run/run-store.ts";
import { runStorePath } from "../start.ts";
import { mustFindRun } from "./find-run.ts";
import { rideAndShow } from "./ride.ts";

const HELP = `slipway resume [run] [--json] [--verbose] [--home DIR]

Goes on with a run that was interrupted, killed, or waited for a person. Without a name: the latest one.`;

/** `slipway resume`: goes on wherever the run's journal stands. */
export const resumeCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    {
      home: { type: "string" },
      json: { type: "boolean" },
      verbose: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    1,
  );
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
  const store = openRunStore(runStorePath(home), systemClock);
  try {
    const run = await mustFindRun(store, flags.words[0]);
    const end = run.events.findLast((event) => event.type === "run.finished")?.data["status"];
    if (end !== undefined && end !== "waiting") {
      const hint =
        end === "budget"
          ? "its budget is used up; what was merged stays, and a new run with a larger one takes up the rest"
          : `slipway report ${run.id} shows how`;
      throw new DomainError("invalid_state", `${run.id} has finished`, { hint });
    }
    const options = RunOptions.parse(run.events[0]?.data);
    return await rideAndShow(store, run.id, io, {
      home,
      settings: readSettings(options.repo, io.env),
      isJson: flags.has("json"),
      verbose: flags.has("verbose"),
      notes: [],
    });
  } finally {
    store.close();
  }
};
