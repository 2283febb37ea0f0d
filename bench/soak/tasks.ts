import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { parseFlags, type Flags } from "../../kernel/flags.ts";
import { checkFile } from "../../kernel/sqlite/check.ts";
import { temporaryFolder } from "../../test/support/all-servers.ts";
import { callTool, mustCall } from "../../test/support/connect.ts";
import { seededDraw } from "../../servers/tasks/domain/analysis/forecast.ts";
import { CALL_HEAD, callRow, measureLongQueue } from "../calls.ts";
import { markdownTable } from "../machine.ts";
import { auditQueue } from "../queue/audit.ts";
import { driveQueue } from "../queue/drive.ts";
import { forecastCoverage, SHAPES } from "../queue/forecasts.ts";
import { driveKills } from "../queue/kills.ts";
import { drillRestores } from "../queue/restores.ts";
import { driveVolume } from "../queue/volume.ts";
import { zombieTrials } from "../queue/zombies.ts";
import { quantile } from "../statistics.ts";
import { startStdioServer } from "../stdio-server.ts";
import { runParts, type Parts } from "./parts.ts";

const PROCESSES = 8;

const PARTS: Parts = {
  dag: () => served([{ tasks: 10_000, seed: 1 }]),
  large: () => served([{ tasks: 100_000, seed: 2 }]),
  claims: volume,
  kill,
  zombie,
  restore,
  long: longQueues,
  forecast: forecasts,
  locked,
  disk: fullDisk,
};

/**
 * The queue under fault, part by part: `npm run soak -- tasks [--only PART,…] [--rounds N] [--claims N] [--ledger FILE]`.
 * `--rounds` is for kill, restore and forecast. `--claims` is the total that the part of that name works up to; how far it has
 * come is kept in the ledger, so that it can be stopped and gone on with.
 */
export async function soakQueue(argv: readonly string[]): Promise<string> {
  const text = { type: "string" } as const;
  const flags = parseFlags(argv, { only: text, rounds: text, claims: text, ledger: text }, 0);
  return runParts("tasks", PARTS, flags);
}

const QUEUE_HEAD = [
  "tasks",
  "claims",
  "completions",
  "events",
  "state changes/s",
  "busy refusals",
  "claim p50 ms",
  "claim p99 ms",
  "complete p50 ms",
  "wall s",
];

/** Real server processes over stdio, one of them killed holding a claim. */
async function served(loads: readonly { readonly tasks: number; readonly seed: number }[]): Promise<string> {
  const rows: string[][] = [];
  for (const { tasks, seed } of loads) {
    const home = temporaryFolder("soak-queue");
    const run = await driveQueue({
      home: home.path,
      processes: PROCESSES,
      tasks,
      seed,
      killAfter: tasks / 10,
      deadlineMs: tasks * 100,
    });
    refuse(auditQueue(run), home.path);
    home.dispose();
    rows.push([
      `${tasks}`,
      `${run.claims.length}`,
      `${run.completions.length}`,
      `${run.events.length}`,
      (((run.claims.length + run.completions.length) * 1_000) / run.wallMs).toFixed(0),
      `${run.busyRefusals}`,
      quantile(run.claimMs, 0.5).toFixed(2),
      quantile(run.claimMs, 0.99).toFixed(2),
      quantile(run.completeMs, 0.5).toFixed(2),
      (run.wallMs / 1_000).toFixed(1),
    ]);
  }
  return [
    `${PROCESSES} server processes over stdio on one DAG, one killed holding a claim. No double claim, no lost acknowledgement,`,
    "no dependency broken, counters equal recomputed ones, every claim of the killed one done by another, file and event chain sound:",
    "",
    markdownTable(QUEUE_HEAD, rows),
  ].join("\n");
}

const Ledger = z.object({ claims: z.int().min(0) });
const DAG = 50_000;

/** Processes with a server inside, plan after plan, until so many claims were made without a double. */
async function volume(flags: Flags): Promise<string> {
  const wanted = flags.int("claims", 1, 1_000_000_000) ?? 1_000_000;
  const ledger = flags.text("ledger") ?? join(tmpdir(), "slipway-soak-claims.json");
  let claims = existsSync(ledger) ? Ledger.parse(JSON.parse(readFileSync(ledger, "utf8"))).claims : 0;
  const before = claims;
  let changes = 0;
  let wallMs = 0;
  while (claims < wanted) {
    const home = temporaryFolder("soak-claims");
    const run = await driveVolume(home.path, PROCESSES, Math.min(DAG, wanted - claims), claims + 1);
    refuse(run.problems, home.path);
    home.dispose();
    claims += run.claims;
    changes += run.changes;
    wallMs += run.wallMs;
    writeFileSync(ledger, `${JSON.stringify({ claims })}\n`);
    process.stderr.write(
      `soak tasks: ${claims} of ${wanted} claims, ${((changes * 1_000) / wallMs).toFixed(0)} state changes/s\n`,
    );
  }
  return [
    `${PROCESSES} processes with a server inside each: ${claims} claims (${claims - before} in this run) on DAGs of ${DAG} tasks, no double,`,
    "no lost acknowledgement, no dependency broken, counters equal recomputed ones, files and event chains sound.",
    ...(wallMs === 0
      ? []
      : [`Sustained: ${((changes * 1_000) / wallMs).toFixed(0)} claims and completions a second.`]),
  ].join("\n");
}

async function kill(flags: Flags): Promise<string> {
  const rounds = flags.int("rounds", 1, 100_000) ?? 200;
  const home = temporaryFolder("soak-kills");
  const { problems, acknowledged, claims } = await driveKills({
    home: home.path,
    rounds,
    seed: 11,
    withinCalls: 60,
  });
  refuse(problems, home.path);
  home.dispose();
  return `${rounds} servers killed -9 in the midst of two agents' work on one queue, ${acknowledged} acknowledged writes (${claims} claims): none lost, no double claim, store opened and sound, counters equal recomputed ones after every kill.`;
}

async function zombie(): Promise<string> {
  const trials = 1_000;
  const home = temporaryFolder("soak-zombies");
  const refused = await zombieTrials(home.path, trials);
  home.dispose();
  return `A holder that comes back after its lease ran out and another has claimed: refused ${refused} of ${trials} times, with nothing changed.`;
}

async function restore(flags: Flags): Promise<string> {
  const rounds = flags.int("rounds", 1, 100_000) ?? 20;
  const home = temporaryFolder("soak-restores");
  const { problems, held } = await drillRestores(home.path, rounds);
  refuse(problems, home.path);
  home.dispose();
  return `${rounds} backups of a working queue restored after a kill -9: ${held} writes acknowledged before the backups began, none lost, and every restored queue worked off.`;
}

async function longQueues(): Promise<string> {
  const rows = [];
  const claimMs: number[] = [];
  for (const size of [1_000, 20_000, 100_000]) {
    const figures = await measureLongQueue(size, 500, 20);
    rows.push(...figures.map(callRow));
    claimMs.push(quantile(figures[0].ms, 0.5));
  }
  const growth = (claimMs.at(-1) ?? Number.NaN) / (claimMs[0] ?? Number.NaN);
  return `${markdownTable(CALL_HEAD, rows)}\n\nThe median of claim_task grows ${growth.toFixed(2)} times from 1,000 to 100,000 tasks.`;
}

/** What is refused while another program keeps the file locked for ten seconds, and done afterwards. */
async function locked(): Promise<string> {
  const home = temporaryFolder("soak-locked");
  const server = await startStdioServer("tasks", home.path);
  try {
    await mustCall(server.client, "add_tasks", { tasks: [{ title: "a" }] });
    const other = new DatabaseSync(join(home.path, "tasks.db"));
    other.exec("BEGIN IMMEDIATE");
    const letGo = sleep(LOCKED_MS).then(() => other.close());
    const told: string[] = [];
    const began = performance.now();
    for (let isDone = false; !isDone;) {
      const answer = await callTool(server.client, "claim_task", { agent: "ann", idempotency_key: "k" });
      isDone = answer.ok;
      told.push(
        answer.ok
          ? "claimed"
          : `${String(answer.error["code"])}, ${answer.error["retryable"] ? "" : "not "}retryable`,
      );
      if (!answer.ok && !answer.error["retryable"]) throw new Error(told.join("; "));
    }
    const tookMs = performance.now() - began;
    await letGo;
    if (tookMs < LOCKED_MS)
      throw new Error(`claimed after ${tookMs.toFixed(0)} ms, before the lock was let go`);
    return `A file that another program kept locked for ${LOCKED_MS / 1_000} s: the same claim, made again until it was taken, was answered ${told.join("; ")}.`;
  } finally {
    await server.close();
    home.dispose();
  }
}

const LOCKED_MS = 10_000;

/** A file system of 4 MB that is really full; only root can mount one. */
async function fullDisk(): Promise<string> {
  const home = temporaryFolder("soak-disk");
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", home.path]);
  if (mounted.status !== 0) {
    home.dispose();
    return "SKIPPED: a full disk. A small file system cannot be mounted here: it takes root.";
  }
  const server = await startStdioServer("tasks", home.path);
  try {
    await mustCall(server.client, "add_tasks", { tasks: [{ title: "kept" }] });
    const filler = join(home.path, "filler");
    writeFileSync(filler, "");
    try {
      for (;;) appendFileSync(filler, Buffer.alloc(4_096));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    }
    const tasks = Array.from({ length: 40 }, (_, i) => ({ title: `${i}`, description: "x".repeat(20_000) }));
    const refused = await callTool(server.client, "add_tasks", { tasks, idempotency_key: "k" });
    if (refused.ok || refused.error["code"] !== "unavailable")
      throw new Error(`on a full disk: ${JSON.stringify(refused)}`);
    refuse(checkFile(join(home.path, "tasks.db")), home.path);
    rmSync(filler);
    await mustCall(server.client, "add_tasks", { tasks, idempotency_key: "k" });
    const { counts } = await mustCall(server.client, "explain_tasks", {});
    if (JSON.stringify(counts) !== '{"ready":41}') throw new Error(`afterwards: ${JSON.stringify(counts)}`);
    return `A file system of 4 MB, full to the last block: 40 tasks refused in one call (${refused.error["code"]}), the file sound, nothing lost and nothing added by halves; with space the same call was taken.`;
  } finally {
    await server.close();
    spawnSync("umount", [home.path]);
    home.dispose();
  }
}

const FORECAST_HEAD = ["work", "attempts seen", "before p50", "before p90"];

/** How often work ends before what was forecast, in worlds of several shapes, after few and many attempts. */
async function forecasts(flags: Flags): Promise<string> {
  const trials = flags.int("rounds", 1, 100_000) ?? 1_000;
  const rows = Object.entries(SHAPES).flatMap(([name, timeOf]) =>
    [1, 3, 10, 30, 300].map((attempts) => {
      const { inP50, inP90 } = forecastCoverage(trials, attempts, timeOf, seededDraw(attempts));
      return [name, `${attempts}`, (inP50 / trials).toFixed(3), (inP90 / trials).toFixed(3)];
    }),
  );
  return `${trials} plans of 24 tasks for 3 workers, each with a history of its own: the share of outcomes that ended before the forecast's p50 and p90.\n\n${markdownTable(FORECAST_HEAD, rows)}`;
}

function refuse(problems: readonly string[], home: string): void {
  if (problems.length > 0) throw new Error(`state in ${home}:\n${problems.slice(0, 20).join("\n")}`);
}
