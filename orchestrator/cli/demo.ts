import { mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../kernel/clock.ts";
import { parseFlags } from "../../kernel/flags.ts";
import { EXIT, type Command } from "../../kernel/io.ts";
import { readSettings } from "../config.ts";
import { DEMO_GOAL } from "../demo/policy.ts";
import { makeSampleRepository } from "../demo/sample-repository.ts";
import { openRunStore } from "../run/run-store.ts";
import { beginRun, filesFor, runStorePath } from "../start.ts";
import { rideAndShow } from "./ride.ts";

const HELP = `slipway demo [--sabotage] [--json] [--in-process] [--dir DIR]

A hands-off run on a bundled sample repository with failing tests. The model is scripted, no LLM; git, tests, gates and
merges are real. With --sabotage the script hands in wrong work, which must end rejected (exit 6).

  --dir DIR     where to put the sample repository (a new temporary folder)
  --in-process  servers inside this process instead of as processes of their own`;

/** `slipway demo`. */
export const demoCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    {
      sabotage: { type: "boolean" },
      json: { type: "boolean" },
      verbose: { type: "boolean" },
      "in-process": { type: "boolean" },
      dir: { type: "string" },
      home: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
    0,
  );
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const folder = flags.text("dir") ?? mkdtempSync(join(realpathSync(tmpdir()), "slipway-demo-"));
  const repo = join(folder, "sample");
  await makeSampleRepository(repo, io.env["PATH"] ?? "");
  const home = flags.text("home") ?? join(folder, "state");
  io.err("scripted model, no LLM");
  io.err(`sample repository: ${repo}`);
  const store = openRunStore(runStorePath(home), systemClock);
  try {
    const runId = await beginRun(
      store,
      repo,
      {
        goal: DEMO_GOAL,
        runner: "scripted",
        has_model: true,
        workers: 2,
        autonomy: 3,
        mode: flags.has("in-process") ? "in_process" : "spawn",
        // The demo runs code that we ship ourselves; it must also work where nothing isolates.
        allow_unisolated: true,
        budget: {},
        setup: "",
        plan: null,
        demo: { sabotage: flags.has("sabotage") },
      },
      (at) => filesFor(at, home, io.env),
    );
    return await rideAndShow(store, runId, io, {
      home,
      settings: readSettings(repo, io.env),
      isJson: flags.has("json"),
      verbose: flags.has("verbose"),
      notes: [
        `look at it: git -C ${repo} log --oneline --graph`,
        `go on after a kill: slipway resume --home ${home}`,
      ],
    });
  } finally {
    store.close();
  }
};
