import { resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { agentMark } from "../../kernel/agent-shell.ts";
import { DomainError } from "../../kernel/errors.ts";
import { parseFlags } from "../../kernel/flags.ts";
import { findHome } from "../../kernel/home.ts";
import { EXIT, type Command, type Io } from "../../kernel/io.ts";
import { systemClock } from "../../kernel/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { readSettings } from "../config.ts";
import { openCrew } from "../crew.ts";
import { readPlanFile } from "../plan/plan-file.ts";
import { sameModelWarning } from "../roles/roles.ts";
import { detach } from "../run/detached.ts";
import { openRunStore, type RunStore } from "../run/run-store.ts";
import { beginRun, filesFor, repoOf, runStorePath } from "../start.ts";
import { rideAndShow } from "./ride.ts";

export const RUN_HELP = `slipway run "<goal>" [flags]
slipway run --plan FILE [flags]

Works off a goal hands-off: plan, tasks, work in worktrees, proof in a sandbox, review, risk, merge.

  --plan FILE           tasks as YAML instead of a planner
  --repo DIR            the repository (the one around the working directory)
  --runner R            who implements: api, command:<argv>, scripted:<file> (api)
  --workers N           tasks at the same time, 1 to 32 (2)
  --autonomy N          1 asks a person before every merge … 5 (3)
  --budget-tokens N     stop when this much is used
  --budget-usd X        stop when this much is spent, where prices are known
  --allow-unisolated    let commands run on this machine where nothing isolates them
  --in-process          servers inside this process instead of as processes of their own
  --detach              leave it to a process of its own, and print the run's id
  --json                events as NDJSON on stdout
  --verbose             log on stderr
  --home DIR            state folder`;

/** `slipway run`. */
export const runCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    {
      plan: { type: "string" },
      repo: { type: "string" },
      runner: { type: "string" },
      workers: { type: "string" },
      autonomy: { type: "string" },
      "budget-tokens": { type: "string" },
      "budget-usd": { type: "string" },
      "allow-unisolated": { type: "boolean" },
      "in-process": { type: "boolean" },
      detach: { type: "boolean" },
      json: { type: "boolean" },
      verbose: { type: "boolean" },
      home: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
    1,
  );
  if (flags.has("help")) {
    io.out(RUN_HELP);
    return EXIT.done;
  }
  const repo = resolve(io.cwd, repoOf(flags.text("repo"), io));
  const settings = readSettings(repo, io.env);
  const planFile = flags.text("plan");
  const plan = planFile === undefined ? null : readPlanFile(resolve(io.cwd, planFile));
  const goal =
    flags.words[0] ?? plan?.goal ?? (plan === null ? "" : `${plan.tasks.length} tasks of ${planFile ?? ""}`);
  if (goal === "")
    throw new DomainError("invalid", "what should be done?", {
      hint: 'slipway run "<goal>", or --plan FILE',
    });
  const runner = flags.text("runner") ?? settings.runner ?? "api";
  const allowUnisolated = flags.has("allow-unisolated");
  if (allowUnisolated && agentMark(io.env) !== undefined) {
    throw new DomainError("denied", "an agent may not take the isolation away", {
      hint: "a person can run this in a terminal of their own",
      retryable: false,
    });
  }
  for (const key of settings.ignored) io.err(`slipway.yaml: ${key} has no effect in this version`);
  const doubt = sameModelWarning(runner, settings.models);
  if (doubt !== null) io.err(doubt);
  // Whatever a role lacks is found out before anything is made.
  const crew = await openCrew({
    repo,
    runner,
    demo: null,
    models: settings.models,
    env: io.env,
    log: silentLog,
  });
  for (const task of plan?.tasks ?? []) crew.implementer(task.runner);
  const hasModel = crew.planner !== null;
  await crew.close();

  const home = findHome({ flag: flags.text("home") ?? settings.home, env: io.env, cwd: repo });
  const store = openRunStore(runStorePath(home), systemClock);
  try {
    const tokens = flags.int("budget-tokens", 1, 1e12) ?? settings.budget.tokens;
    const usd = flags.number("budget-usd", 0, 1e9) ?? settings.budget.usd;
    const runId = await beginRun(
      store,
      repo,
      {
        goal,
        runner,
        has_model: hasModel,
        workers: flags.int("workers", 1, 32) ?? 2,
        autonomy: flags.int("autonomy", 1, 5) ?? settings.autonomy ?? 3,
        mode: flags.has("in-process") ? "in_process" : "spawn",
        allow_unisolated: allowUnisolated,
        budget: { ...(tokens === undefined ? {} : { tokens }), ...(usd === undefined ? {} : { usd }) },
        setup: settings.setup ?? "",
        plan,
        demo: null,
      },
      (at) => filesFor(at, home, io.env),
    );
    if (flags.has("detach")) return await leave(store, runId, home, flags.has("json"), io);
    return await rideAndShow(store, runId, io, {
      home,
      settings,
      isJson: flags.has("json"),
      verbose: flags.has("verbose"),
      notes: [],
    });
  } finally {
    store.close();
  }
};

/** Leaves a run to a process of its own; says where to look for it. */
async function leave(store: RunStore, runId: string, home: string, isJson: boolean, io: Io): Promise<number> {
  const left = await detach(store, runId, { home, io, sleep: setTimeout });
  if (isJson)
    for (const event of await store.events({ subject: runId, after: 0, limit: 1 }))
      io.out(JSON.stringify(event));
  else io.out(runId);
  if (left.status === "ended") {
    io.err(`${runId} has ended already; slipway report ${runId}, or ${left.log}`);
    return left.code;
  }
  io.err(
    `process ${left.pid} drives it; slipway status, logs, pause, cancel ${runId}; its words: ${left.log}`,
  );
  return EXIT.done;
}
