import type { Job } from "../../../orchestrator/runners/runner.ts";

/** A job with everything filled in; tests change what they are about. */
export function makeJob(changes: Partial<Job> = {}): Job {
  return {
    role: "implementer",
    runId: "run_test",
    taskRef: "fix",
    attempt: 1,
    title: "Fix it",
    description: "It is broken.",
    acceptance: ["true"],
    paths: [],
    context: "",
    feedback: "",
    diff: "",
    log: "",
    worktree: null,
    budget: {},
    ...changes,
  };
}
