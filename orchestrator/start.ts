import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { systemClock } from "../kernel/clock.ts";
import { DomainError } from "../kernel/errors.ts";
import { DEFAULT_IDENTITY } from "../kernel/git/environment.ts";
import { gitCache } from "../kernel/git/open.ts";
import { mainWorktree } from "../kernel/home.ts";
import { idSource } from "../kernel/ids.ts";
import type { Io } from "../kernel/io.ts";
import { logTo, silentLog, type Log } from "../kernel/log.ts";
import { receiptKey, verifyReceipt, type Receipt } from "../kernel/receipts.ts";
import { openRoots } from "../kernel/roots.ts";
import { worktreeFolder } from "../kernel/worktree-folder.ts";
import type { RunSettings } from "./config.ts";
import { openCrew, type OpenCrew } from "./crew.ts";
import { connectHosts, type Hosts } from "./hosts.ts";
import { cancelRun } from "./run/cancel.ts";
import { conductRun, type RunStatus } from "./run/conduct.ts";
import { openJournal, type Journal } from "./run/journal.ts";
import { RunOptions } from "./run/options.ts";
import { isDriverAlive, thisDriver } from "./run/process-life.ts";
import type { RunStore } from "./run/run-store.ts";
import { oneAtATime } from "./run/turns.ts";
import { worktreeFiles, type WorktreeFiles } from "./run/worktree-files.ts";

export function runStorePath(home: string): string {
  return join(home, "runs.db");
}

/** Reads the repository of a run (`owner`) with git, below its own folder, the state folder and the worktrees' only. */
export function filesFor(repo: string, home: string, env: Io["env"], owner = "begin"): WorktreeFiles {
  const gitHome = join(home, "git-home");
  const worktrees = worktreeFolder(home, env);
  for (const folder of [gitHome, worktrees]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  return worktreeFiles(
    {
      roots: openRoots([repo, home, worktrees]),
      path: env["PATH"] ?? "",
      home: gitHome,
      identity: DEFAULT_IDENTITY,
      cache: gitCache(),
    },
    join(home, "checkouts", owner),
  );
}

/** What a person asks of a new run, before the repository is looked at. */
export type RunRequest = Omit<z.input<typeof RunOptions>, "repo" | "target" | "target_commit">;

/**
 * Begins a run: checks the repository and writes the run's first event. Nothing else is made.
 *
 * @throws {DomainError} where the folder is no repository, has uncommitted changes, or no commit to start from.
 */
export async function beginRun(
  store: RunStore,
  repoGiven: string,
  request: RunRequest,
  files: (repo: string) => WorktreeFiles,
): Promise<string> {
  const main = mainWorktree(repoGiven);
  if (main === null) {
    throw new DomainError("unavailable", `${repoGiven} is not in a git repository`, {
      hint: "give one with --repo DIR, or run `git init` and commit first",
      retryable: false,
    });
  }
  const repo = realpathSync(main);
  const git = files(repo);
  const target = await git.currentBranch(repo);
  const targetCommit = await git.commitOf(repo, `refs/heads/${target}`).catch((error: unknown) => {
    if (!(error instanceof DomainError && error.code === "not_found")) throw error;
    throw new DomainError("unavailable", `the branch ${target} of ${repo} has no commit yet`, {
      hint: "commit something first: work begins at a commit",
      retryable: false,
      cause: error,
    });
  });
  const dirty = await git.modifiedPaths(repo);
  if (dirty.length > 0) {
    throw new DomainError(
      "unavailable",
      `the main worktree has uncommitted changes: ${dirty.slice(0, 5).join(", ")}${dirty.length > 5 ? " …" : ""}`,
      {
        hint: "commit or stash them; finished work is merged into this worktree",
        retryable: false,
      },
    );
  }
  const options: z.input<typeof RunOptions> = { ...request, repo, target, target_commit: targetCommit };
  const runId = idSource(systemClock)("run");
  await store.append([
    {
      type: "run.started",
      subject: runId,
      data: z.record(z.string(), z.json()).parse(JSON.parse(JSON.stringify(options))),
    },
  ]);
  return runId;
}

export interface Ride {
  readonly home: string;
  readonly settings: RunSettings;
  readonly io: Io;
  /** Called with the journal before anything happens, to watch it. */
  readonly watch: (journal: Journal) => void;
  readonly verbose: boolean;
  /** Who fills the roles; default: whoever the run's options and the settings name. */
  readonly crew?: () => Promise<OpenCrew>;
}

/**
 * Drives a run to its end in this process, from its beginning or from wherever its journal stands.
 *
 * @throws {DomainError} invalid_state while another process drives it; `Interrupted` when told to stop.
 */
export function rideRun(
  store: RunStore,
  runId: string,
  { home, settings, io, watch, verbose, crew: open }: Ride,
): Promise<RunStatus> {
  const log = logFor(io, verbose);
  return driving(store, runId, async (journal, options) => {
    const crew = await (open?.() ??
      openCrew({
        repo: options.repo,
        runner: options.runner,
        demo: options.demo,
        models: settings.models,
        env: io.env,
        log,
      }));
    try {
      watch(journal);
      const hosts = await hostsFor(options, { home, io, log }).catch(async (error: unknown) => {
        // A run that never began is over; one that did can be resumed once the server starts again.
        if (journal.events.length === 1) await giveUp(journal, error);
        throw error;
      });
      try {
        if (journal.events.length > 1) await journal.emit("run.resumed", {});
        return await conductRun(
          {
            options,
            journal,
            hosts,
            crew,
            files: filesFor(options.repo, home, io.env, runId),
            readReceipt: receiptReader(home),
            inTurn: oneAtATime(),
            signal: io.signal,
            clock: systemClock,
            log,
            sleep: (ms) => setTimeout(ms),
          },
          home,
        );
      } finally {
        await hosts.close();
      }
    } finally {
      await crew.close();
    }
  });
}

/**
 * Cancels a run that no other process drives; returns its journal.
 *
 * @throws {DomainError} invalid_state while another process drives it.
 */
export function cancelRide(
  store: RunStore,
  runId: string,
  { home, io, watch, verbose }: Pick<Ride, "home" | "io" | "watch" | "verbose">,
): Promise<Journal> {
  const log = logFor(io, verbose);
  return driving(store, runId, async (journal, options) => {
    watch(journal);
    const hosts = await hostsFor(options, { home, io, log });
    try {
      const files = filesFor(options.repo, home, io.env, runId);
      await cancelRun({ options, journal, hosts, files, clock: systemClock, log });
      return journal;
    } finally {
      await hosts.close();
    }
  });
}

function logFor(io: Io, verbose: boolean): Log {
  return verbose ? logTo((line) => io.err(line.trimEnd()), systemClock) : silentLog;
}

function hostsFor(
  { mode, repo, allow_unisolated }: RunOptions,
  { home, io, log }: { readonly home: string; readonly io: Io; readonly log: Log },
): Promise<Hosts> {
  return connectHosts({
    mode,
    sources: { home, env: io.env, cwd: repo, log },
    roots: [repo, home],
    allowUnisolated: allow_unisolated,
  });
}

/** Does something with a run while no other process may. */
async function driving<T>(
  store: RunStore,
  runId: string,
  work: (journal: Journal, options: RunOptions) => Promise<T>,
): Promise<T> {
  const journal = await openJournal(store, runId);
  const started = journal.events.find((event) => event.type === "run.started");
  if (started === undefined)
    throw new DomainError("not_found", `there is no run ${runId}`, { hint: "slipway status shows the runs" });
  const options = RunOptions.parse(started.data);
  if (!existsSync(options.repo)) {
    throw new DomainError("unavailable", `the repository of ${runId} is no longer at ${options.repo}`, {
      hint: "put it back there, or start a new run where it is now",
      retryable: false,
    });
  }
  const driver = thisDriver();
  const other = await store.drive(runId, driver, isDriverAlive);
  if (other !== null)
    throw new DomainError("invalid_state", `process ${other.pid} is driving ${runId}`, {
      hint: "wait for it, or stop it first",
    });
  try {
    return await work(journal, options);
  } finally {
    await store.stopDriving(runId, driver.pid);
  }
}

/** Ends a run that could not begin: nothing was made, and nothing would be left to resume. */
async function giveUp(journal: Journal, error: unknown): Promise<void> {
  const reasons = [error instanceof Error ? error.message : String(error)];
  await journal.emit("run.finished", {
    status: "failed",
    tasks: [],
    spend: { usd: 0, tokens: 0 },
    duration_ms: 0,
    reasons,
  });
}

/** Reads receipts with the key of the state folder, which the sandbox server shares. */
export function receiptReader(home: string): (token: string) => Receipt | null {
  return (token) => {
    const verified = verifyReceipt(token, receiptKey(home));
    return verified.ok ? verified.receipt : null;
  };
}

/** The repository a command works on: `--repo`, else the working directory. */
export function repoOf(flag: string | undefined, io: Io): string {
  return flag ?? io.env["CLAUDE_PROJECT_DIR"] ?? io.cwd;
}
