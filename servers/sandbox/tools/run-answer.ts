import { z } from "zod";
import { estimateTokens } from "../../../kernel/tokens.ts";
import { OUTCOMES } from "../domain/outcome.ts";
import type { Ran } from "./run-and-record.ts";
import { showOutput } from "./answer.ts";

/** The answer about one command, running or ended. */
export const runOutput = z.object({
  outcome: z.enum(OUTCOMES),
  exit_code: z.int().optional(),
  signal: z.string().optional(),
  stdout: z.string(),
  stderr: z.string(),
  truncated: z.boolean(),
  usage: z.object({ wall_ms: z.int(), cpu_ms: z.int().nullable(), peak_memory_bytes: z.int().nullable() }).optional(),
  receipt: z.string().optional(),
  job_id: z.string().optional(),
  status: z.string().optional(),
  isolation: z.string(),
});

export type RunOutput = z.input<typeof runOutput>;

const RESERVE_TOKENS = 120;

/** Shows an ended command within a token budget: stderr may take half of it, stdout the rest. */
export function showRun({ result, receipt, isolation }: Ran, maxTokens: number): RunOutput {
  const { ending } = result;
  const room = Math.max(60, maxTokens - RESERVE_TOKENS - estimateTokens(receipt));
  const stderr = showOutput(result.stderr, Math.floor(room / 2));
  const stdout = showOutput(result.stdout, room - Math.min(Math.floor(room / 2), estimateTokens(JSON.stringify(stderr.text))));
  return {
    outcome: ending.outcome,
    ...(ending.exitCode === null ? {} : { exit_code: ending.exitCode }),
    ...(ending.signal === null ? {} : { signal: ending.signal }),
    stdout: stdout.text,
    stderr: stderr.text,
    truncated: stdout.truncated || stderr.truncated,
    usage: { wall_ms: result.wallMs, cpu_ms: result.cpuMs, peak_memory_bytes: result.peakMemoryBytes },
    receipt,
    isolation,
  };
}
