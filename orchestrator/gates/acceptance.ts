import { z } from "zod";
import { clipText } from "../../kernel/text.ts";
import { isReceiptFor } from "../../kernel/receipts.ts";
import type { PlanAcceptance } from "../plan/plan.ts";
import type { PlannedRun } from "../run/context.ts";
import { withSandbox } from "../run/sandbox-session.ts";
import { GateResult } from "./gate.ts";

/** The result of running a task's acceptance over one tree, with the sandbox's receipts. */
export const Proof = GateResult.extend({
  runs: z.array(
    z.object({
      command: z.string(),
      outcome: z.string(),
      exit_code: z.int().nullable(),
      output: z.string(),
      receipt: z.string(),
      duration_ms: z.number(),
    }),
  ),
  backend: z.string(),
  /** The digest of what was proven, as the sandbox took it in. */
  tree: z.string().default(""),
});

export type Proof = z.output<typeof Proof>;

export function commandOf(item: PlanAcceptance): string {
  return "run" in item ? item.run : item.tests;
}

/**
 * Runs acceptance commands in a fresh sandbox over a clean checkout of a commit or tree. Passes only where every
 * command exited 0 and the sandbox signed for it.
 */
export async function prove(
  run: PlannedRun,
  name: string,
  tree: string,
  commands: readonly string[],
): Promise<Proof> {
  return withSandbox(run, name, { tree, prepared: run.prepared }, async (session) => {
    const runs: Proof["runs"] = [];
    for (const command of commands) {
      const begun = run.clock();
      const { outcome, exitCode, output, receipt } = await session.run(
        command,
        run.options.proof_timeout_s,
        run.signal,
      );
      runs.push({
        command,
        outcome,
        exit_code: exitCode,
        output: clipText(output, 8_000),
        receipt,
        duration_ms: run.clock() - begun,
      });
      if (outcome !== "exited" || exitCode !== 0) break;
    }
    return {
      ...judge(run, runs, session.treeDigest),
      runs,
      backend: session.backend,
      tree: session.treeDigest,
    };
  });
}

function judge(run: PlannedRun, runs: Proof["runs"], tree: string): GateResult {
  for (const { command, outcome, exit_code, receipt } of runs) {
    if (outcome !== "exited" || exit_code !== 0) {
      return {
        verdict: "fail",
        reasons: [`${command}: ${outcome}${exit_code === null ? "" : ` ${exit_code}`}`],
      };
    }
    const genuine = run.readReceipt(receipt);
    if (genuine === null || !isReceiptFor(genuine, { script: command }) || genuine.exit_code !== 0) {
      return { verdict: "fail", reasons: [`${command}: the sandbox's receipt cannot be verified`] };
    }
    if (genuine.tree_digest !== tree)
      return { verdict: "fail", reasons: [`${command}: the sandbox's receipt is of another tree`] };
  }
  return { verdict: "pass", reasons: [] };
}
