import { parseFlags, type Flags } from "../../kernel/flags.ts";
import { demoOutcome } from "../../test/support/demo-outcome.ts";
import { runWithDeath } from "../../test/support/fault-run.ts";
import { killAndResume } from "../../test/support/kill-resume.ts";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { slipway } from "../../test/support/slipway-process.ts";
import { runParts, type Parts } from "./parts.ts";

/** The events of the demo after which the orchestrator is killed: ten points over its whole length. */
const KILL_POINTS = [2, 5, 8, 12, 16, 20, 24, 29, 34, 39];

const PARTS: Parts = {
  kills: soakKills,
  deaths: soakDeaths,
};

/**
 * Runs that die and are resumed: `npm run soak -- orchestrator [--only kills,deaths] [--from N]`. `--from` is the effect
 * that the deaths begin with, to go on with a soak that was stopped.
 */
export async function soakOrchestrator(argv: readonly string[]): Promise<string> {
  const text = { type: "string" } as const;
  const flags = parseFlags(argv, { only: text, from: text }, 0);
  return runParts("orchestrator", PARTS, flags);
}

/** Kills the demo with SIGKILL at ten points and resumes it; the end has to be the same as without a kill. */
async function soakKills(): Promise<string> {
  const { outcome: expected, seconds } = await wholeDemo();
  const rows = [
    `| killed after | event | exit of resume | same end | seconds |`,
    `|---|---|---|---|---|`,
    `| never | | 0 | | ${seconds} |`,
  ];
  for (const nth of KILL_POINTS) {
    process.stderr.write(`soak orchestrator: kill at event ${nth}\n`);
    const begun = performance.now();
    const { event, wasKilled, exitCode, outcome } = await killAndResume(nth, true);
    const isSame = JSON.stringify(outcome) === JSON.stringify(expected);
    rows.push(
      `| event ${nth} | ${event} | ${exitCode} | ${isSame ? "yes" : "NO"} | ${((performance.now() - begun) / 1_000).toFixed(1)} |`,
    );
    if (!wasKilled || !isSame)
      throw new Error(`${rows.join("\n")}\n${JSON.stringify({ expected, outcome }, null, 2)}`);
  }
  return rows.join("\n");
}

/** Lets a small run die after every single effect it has, every other time until all its claims have lapsed. */
async function soakDeaths(flags: Flags): Promise<string> {
  const { outcome: expected } = await runWithDeath(Infinity, false);
  const begun = performance.now();
  const from = flags.int("from", 1, 10_000) ?? 1;
  for (let nth = from; ; nth += 1) {
    process.stderr.write(`soak orchestrator: death after effect ${nth}\n`);
    const { outcome, effects, diedAfter } = await runWithDeath(nth, nth % 2 === 0);
    if (JSON.stringify(outcome) !== JSON.stringify(expected)) {
      throw new Error(
        `died after effect ${nth} (${diedAfter}):\n${JSON.stringify({ expected, outcome }, null, 2)}`,
      );
    }
    if (effects < nth) {
      return `A run of three tasks died after ${from === 1 ? "each" : `each from the ${from}th on`} of its ${effects} effects (tool calls, written events) and was resumed, every other time after its claims had lapsed: the same end each time, every task merged once, nothing left behind. ${((performance.now() - begun) / 1_000).toFixed(0)} s.`;
    }
  }
}

async function wholeDemo(): Promise<{
  readonly outcome: ReturnType<typeof demoOutcome>;
  readonly seconds: string;
}> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "slipway-soak-"));
  try {
    const begun = performance.now();
    const ended = await slipway(["demo", "--dir", folder, "--json"], { docker: true });
    if (ended.code !== 0) throw new Error(ended.err.join("\n"));
    return { outcome: demoOutcome(folder), seconds: ((performance.now() - begun) / 1_000).toFixed(1) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
