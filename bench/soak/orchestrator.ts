import { demoOutcome } from "../../test/support/demo-outcome.ts";
import { runWithDeath } from "../../test/support/fault-run.ts";
import { killAndResume } from "../../test/support/kill-resume.ts";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { slipway } from "../../test/support/slipway-process.ts";

/** The events of the demo after which the orchestrator is killed: ten points over its whole length. */
const KILL_POINTS = [2, 5, 8, 12, 16, 20, 24, 29, 34, 39];

/** Kills the demo with SIGKILL at ten points and resumes it; the end has to be the same as without a kill. */
export async function soakOrchestrator(): Promise<string> {
  const { outcome: expected, seconds } = await wholeDemo();
  const rows = [
    `| killed after | event | exit of resume | same end | seconds |`,
    `|---|---|---|---|---|`,
    `| never | | 0 | | ${seconds} |`,
  ];
  for (const nth of KILL_POINTS) {
    const begun = performance.now();
    const { event, wasKilled, exitCode, outcome } = await killAndResume(nth, true);
    const isSame = JSON.stringify(outcome) === JSON.stringify(expected);
    rows.push(
      `| event ${nth} | ${event} | ${exitCode} | ${isSame ? "yes" : "NO"} | ${((performance.now() - begun) / 1_000).toFixed(1)} |`,
    );
    if (!wasKilled || !isSame)
      throw new Error(`${rows.join("\n")}\n${JSON.stringify({ expected, outcome }, null, 2)}`);
  }
  return [...rows, "", await soakDeaths()].join("\n");
}

/** Lets a small run die after every single effect it has, every other time until all its claims have lapsed. */
async function soakDeaths(): Promise<string> {
  const { outcome: expected } = await runWithDeath(Infinity, false);
  const begun = performance.now();
  for (let nth = 1; ; nth += 1) {
    const { outcome, effects, diedAfter } = await runWithDeath(nth, nth % 2 === 0);
    if (JSON.stringify(outcome) !== JSON.stringify(expected)) {
      throw new Error(
        `died after effect ${nth} (${diedAfter}):\n${JSON.stringify({ expected, outcome }, null, 2)}`,
      );
    }
    if (effects < nth) {
      return `A run of three tasks died after each of its ${effects} effects (tool calls, written events) and was resumed, every other time after its claims had lapsed: the same end each time, every task merged once, nothing left behind. ${((performance.now() - begun) / 1_000).toFixed(0)} s.`;
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
