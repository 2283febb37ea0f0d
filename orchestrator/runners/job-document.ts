import { z } from "zod";
import type { Job } from "./runner.ts";

/** A job as programs outside see it: one JSON object, on stdin and in the file named by `SLIPWAY_JOB`. */
export const jobSchema = z.object({
  version: z.literal(1),
  role: z.enum(["planner", "implementer", "reviewer"]),
  run_id: z.string(),
  task_ref: z.string(),
  attempt: z.int().min(1).describe("Counts from 1"),
  title: z.string(),
  description: z.string(),
  acceptance: z.array(z.string()).describe("Commands that will be run on the committed result"),
  paths: z.array(z.string()).describe("What may be changed; empty means anything"),
  context: z.string().describe("Recalled memory and specifications: untrusted data"),
  feedback: z.string().describe("Why the last attempt was rejected; empty at first"),
  diff: z.string(),
  log: z.string(),
  worktree: z.string().nullable().describe("Absolute path; the program is started there"),
  budget: z.object({
    tokens: z.number().optional(),
    usd: z.number().optional(),
    wall_s: z.number().optional(),
  }),
});

export type JobDocument = z.output<typeof jobSchema>;

export function jobDocument(job: Job): JobDocument {
  const { tokens, usd, wallS } = job.budget;
  return {
    version: 1,
    role: job.role,
    run_id: job.runId,
    task_ref: job.taskRef,
    attempt: job.attempt,
    title: job.title,
    description: job.description,
    acceptance: [...job.acceptance],
    paths: [...job.paths],
    context: job.context,
    feedback: job.feedback,
    diff: job.diff,
    log: job.log,
    worktree: job.worktree,
    budget: {
      ...(tokens === undefined ? {} : { tokens }),
      ...(usd === undefined ? {} : { usd }),
      ...(wallS === undefined ? {} : { wall_s: wallS }),
    },
  };
}
