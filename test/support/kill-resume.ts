import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { demoOutcome, type DemoOutcome } from "./demo-outcome.ts";
import { slipway } from "./slipway-process.ts";

export interface Recovery {
  /** The line of events after which the process was killed. */
  readonly killedAt: number;
  /** The event on that line. */
  readonly event: string;
  readonly wasKilled: boolean;
  readonly exitCode: number | null;
  readonly outcome: DemoOutcome;
}

/** Runs the demo, in Docker where asked to, kills it with SIGKILL at its nth event, resumes it, and tells how it ended. */
export async function killAndResume(nth: number, docker = false): Promise<Recovery> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "slipway-kill-"));
  try {
    const first = await slipway(["demo", "--dir", folder, "--json"], {
      docker,
      killAt: (_line, count) => count === nth,
    });
    const event: { type: string } = JSON.parse(first.out[nth - 1] ?? '{"type":"none"}');
    const second =
      first.signal === "SIGKILL"
        ? await slipway(["resume", "--home", join(folder, "state"), "--json"], { docker })
        : first;
    if (second.code !== 0)
      throw new Error(
        `killed at ${nth} (${event.type}): ${second.err.slice(-5).join("\n")}\n${second.out.slice(-3).join("\n")}`,
      );
    return {
      killedAt: nth,
      event: event.type,
      wasKilled: first.signal === "SIGKILL",
      exitCode: second.code,
      outcome: demoOutcome(folder),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
