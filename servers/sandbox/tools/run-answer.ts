import { z } from "zod";
import type { Ran } from "../deps.ts";
import { estimateTokens } from "../../../kernel/tokens.ts";
import type { Outcome } from "../domain/outcome.ts";
import { showOutput } from "./answer.ts";

/** The answer about one command, running or ended; `RunOutput` says all of it. */
export const runOutput = z.looseObject({
  outcome: z.string(),
  exit_code: z.number().optional(),
  stdout: z.string(),
  stderr: z.string(),
  receipt: z.string().optional(),
  job_id: z.string().optional(),
});

export interface RunOutput {
  outcome: Outcome;
  exit_code?: number;
  signal?: string;
  stdout: string;
  stderr: string;
  truncated: boolean;
  usage?: { wall_ms: number; cpu_ms: number | null; peak_memory_bytes: number | null };
  receipt?: string;
  job_id?: string;
  status?: string;
  isolation: string;
  [more: string]: unknown;
}

const RESERVE_TOKENS = 120;
// Random text has no words: tokenizers cut it small.
const CHARS_PER_RECEIPT_TOKEN = 1.4;

/** Shows an ended command within a token budget: stderr may take half of it, stdout the rest. */
export function showRun({ result, receipt, isolation }: Ran, maxTokens: number): RunOutput {
  const { ending } = result;
  const room = Math.max(60, maxTokens - RESERVE_TOKENS - Math.ceil(receipt.length / CHARS_PER_RECEIPT_TOKEN));
  const stderr = showOutput(result.stderr, Math.floor(room / 2));
  const stdout = showOutput(
    result.stdout,
    room - Math.min(Math.floor(room / 2), estimateTokens(JSON.stringify(stderr.text))),
  );
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
