import { z } from "zod";

/**
 * What a run was started with, as its first event keeps it. Whatever a resumed run needs is here; secrets are not:
 * they come from the environment again.
 */
export const RunOptions = z.object({
  goal: z.string(),
  /** Real path of the main worktree. */
  repo: z.string(),
  /** The branch that finished work lands on. */
  target: z.string(),
  /** Where it stood when the run began. */
  target_commit: z.string(),
  /** The runner of the implementer, as given. */
  runner: z.string(),
  /** Whether a model fills planner and reviewer. */
  has_model: z.boolean(),
  workers: z.int(),
  autonomy: z.int(),
  /** "spawn" or "in_process" servers. */
  mode: z.enum(["spawn", "in_process"]),
  allow_unisolated: z.boolean(),
  budget: z.object({ tokens: z.number().optional(), usd: z.number().optional() }),
  /** The setup of slipway.yaml, for a plan that names none; "" for none. */
  setup: z.string(),
  /** The plan as given, or null where a planner makes it. */
  plan: z.unknown(),
  /** The sandbox backend to prefer; absent for the best that works. */
  backend: z.enum(["docker", "bubblewrap", "unisolated"]).optional(),
  /** How long one command of an acceptance may run, in seconds. */
  proof_timeout_s: z.number().default(600),
  /** Set for the bundled demo. */
  demo: z.object({ sabotage: z.boolean() }).nullable(),
});

export type RunOptions = z.output<typeof RunOptions>;
