import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DomainError } from "../../kernel/errors.ts";
import { cleanText, clipText } from "../../kernel/text.ts";
import { childEnv } from "./child-env.ts";
import { jobDocument } from "./job-document.ts";
import { killTree } from "./process-tree.ts";
import { wallClock } from "./wall-clock.ts";
import type { Job, Outcome, Runner, RunnerTools } from "./runner.ts";

const MOST_LOG = 32_000;

export interface CommandRunnerOptions {
  readonly argv: readonly [string, ...string[]];
  /** The environment to clean and pass on. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long a program may take to end by itself once it is asked to, in ms. */
  readonly graceMs?: number;
}

/**
 * The `command:` runner: any program, started in the task's worktree with the job as JSON on stdin and in the file
 * named by `SLIPWAY_JOB`. Exit 0 means "I think it is done". What it printed becomes the summary. Nothing that it
 * started outlives the job. It works on the host, as its user: isolation is the caller's.
 */
export function commandRunner(options: CommandRunnerOptions): Runner {
  return {
    name: `command:${basename(options.argv[0])}`,
    worksIn: "worktree",
    run: (job, tools) => runJob(options, job, tools),
  };
}

async function runJob(options: CommandRunnerOptions, job: Job, tools: RunnerTools): Promise<Outcome> {
  if (job.role !== "implementer" || job.worktree === null) {
    const error = new DomainError("invalid", "a command runner only implements, in a worktree", {
      hint: "configure the api runner for planner and reviewer",
    });
    return { status: "failed", error: error.toAnswer(), ...ended("") };
  }
  if (tools.signal.aborted) return { status: "cancelled", ...ended("") };
  const folder = await mkdtemp(join(tmpdir(), "slipway-job-"));
  try {
    const file = join(folder, "job.json");
    const document = JSON.stringify(jobDocument(job));
    await writeFile(file, document, { mode: 0o600 });
    return await runProgram(options, job, tools, { cwd: job.worktree, file, document });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Start {
  readonly cwd: string;
  readonly file: string;
  readonly document: string;
}

async function runProgram(
  options: CommandRunnerOptions,
  job: Job,
  tools: RunnerTools,
  start: Start,
): Promise<Outcome> {
  const [program, ...args] = options.argv;
  const mark = `SLIPWAY_JOB=${start.file}`;
  const child = spawn(program, args, {
    cwd: start.cwd,
    env: childEnv(options.env, { SLIPWAY_JOB: start.file }),
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  const log = watchOutput(child, tools);
  // A program that does not read its job closes the pipe; the exit code says what it thinks of it.
  child.stdin.on("error", () => {});
  child.stdin.end(start.document);

  const wall = wallClock(job.budget.wallS);
  const stop = wall === null ? tools.signal : AbortSignal.any([tools.signal, wall]);
  const exit = await exitOf(child, stop, async () => {
    if (child.pid === undefined) return;
    await killTree(child.pid, "SIGTERM", mark);
    await Promise.race([
      closed(child),
      new Promise((resolve) => setTimeout(resolve, options.graceMs ?? 2_000).unref()),
    ]);
    await killTree(child.pid, "SIGKILL", mark);
  });
  // Also after a good end: nothing may go on writing into a worktree that is being judged.
  if (child.pid !== undefined) await killTree(child.pid, "SIGKILL", mark);
  child.stdout.destroy();
  child.stderr.destroy();

  const rest = ended(log());
  if (tools.signal.aborted) return { status: "cancelled", ...rest };
  if (wall?.aborted === true) return { status: "budget", limit: "wall", ...rest };
  if (exit.kind === "not_started")
    return { status: "failed", error: notStarted(program, exit.code), ...rest };
  if (exit.code === 0) return { status: "done", result: { kind: "work" }, ...rest };
  if (exit.code !== null) {
    return {
      status: "gave_up",
      ...rest,
      summary: `the program exited with ${exit.code}\n${rest.summary}`.trim(),
    };
  }
  const error = new DomainError("unavailable", `the program was ended by ${exit.signal ?? "a signal"}`);
  return { status: "failed", error: error.toAnswer(), ...rest };
}

function ended(summary: string): { readonly usage: null; readonly turns: 0; readonly summary: string } {
  return { usage: null, turns: 0, summary };
}

/** Keeps the head and the tail of what the program prints, however much that is. */
function watchOutput(child: ChildProcess, tools: RunnerTools): () => string {
  let head = "";
  let tail = "";
  let length = 0;
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8").on("data", (text: string) => {
      const clean = cleanText(text);
      tools.onEvent({ type: "output", stream, text: clipText(clean, MOST_LOG) });
      length += clean.length;
      const room = MOST_LOG / 2 - head.length;
      head += clean.slice(0, room);
      tail = (tail + clean.slice(room)).slice(-MOST_LOG / 2);
    });
  }
  return () => {
    const missing = length - head.length - tail.length;
    return missing > 0 ? `${head}\n[… ${missing} characters left out …]\n${tail}` : head + tail;
  };
}

type Exit =
  | { readonly kind: "exited"; readonly code: number | null; readonly signal: string | null }
  | { readonly kind: "not_started"; readonly code: string };

/** Waits for the program itself, not for its children that keep the pipes open; `kill` is called once, on `stop`. */
function exitOf(child: ChildProcess, stop: AbortSignal, kill: () => Promise<void>): Promise<Exit> {
  return new Promise((resolve) => {
    let killing: Promise<void> | null = null;
    const onStop = (): void => {
      killing ??= kill();
    };
    const settle = (exit: Exit): void => {
      stop.removeEventListener("abort", onStop);
      if (killing === null) resolve(exit);
      else void killing.then(() => resolve(exit));
    };
    child.once("error", (error) => settle({ kind: "not_started", code: codeOf(error) }));
    child.once("exit", (code, signal) => {
      // What is already in the pipes belongs to the log; a child that holds them open does not get to delay us.
      const drained = setTimeout(() => settle({ kind: "exited", code, signal }), 250);
      child.once("close", () => {
        clearTimeout(drained);
        settle({ kind: "exited", code, signal });
      });
    });
    stop.addEventListener("abort", onStop, { once: true });
    if (stop.aborted) onStop();
  });
}

function closed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "unknown";
}

function notStarted(program: string, code: string): ReturnType<DomainError["toAnswer"]> {
  const message = `the program ${JSON.stringify(basename(program))} could not be started (${code})`;
  return new DomainError("not_found", message, { hint: "check that it is installed and on PATH" }).toAnswer();
}
