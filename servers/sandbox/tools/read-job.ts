import { z } from "zod";
import type { Job } from "../../../kernel/jobs.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import type { Ran, SandboxDeps } from "../deps.ts";
import { maxTokensInput, showOutput, waitMs } from "./answer.ts";
import { whole } from "./bounds.ts";
import { showRun } from "./run-answer.ts";
import { showTests } from "./tests-answer.ts";

/** The answer about a job: what run_command says once it ended, and what it printed so far until then. */
export const jobOutput = z.looseObject({ job_id: z.string(), status: z.string() });

export function showJob(
  deps: SandboxDeps,
  job: Job<Ran>,
  after: number,
  maxTokens: number,
): z.input<typeof jobOutput> {
  if (job.status === "failed") throw job.error;
  if (job.result !== undefined) {
    const { result } = job;
    const shown =
      result.tests === undefined ? showRun(result, maxTokens) : showTests(result, result.tests, maxTokens);
    return { ...shown, job_id: job.id, status: shown.outcome === "cancelled" ? "cancelled" : "completed" };
  }
  const { bytes, next } = deps.logs.find(job.id)?.read(after) ?? { bytes: Buffer.alloc(0), next: after };
  const { text, truncated } = showOutput(bytes, maxTokens - 100);
  return {
    job_id: job.id,
    status: job.status,
    outcome: job.status === "cancelled" ? "cancelled" : "running",
    output: text,
    next_after: next,
    truncated,
  };
}

export const readJobTool = defineTool({
  name: "read_job",
  title: "Read a job",
  description:
    "Waits for a job, at most wait_ms. Ended: the answer of run_command or run_tests. Working: what it printed since after; pass next_after on.",
  input: z.object({
    job_id: z.string(),
    after: whole(0, Number.MAX_SAFE_INTEGER).default(0),
    wait_ms: waitMs,
    max_tokens: maxTokensInput,
  }),
  output: jobOutput,
  annotations: READS,
  core: true,
  async run({ job_id: id, after, wait_ms: patience, max_tokens: maxTokens }, deps: SandboxDeps, call) {
    return showJob(deps, await deps.jobs.wait(call.principal.id, id, patience), after, maxTokens);
  },
});
