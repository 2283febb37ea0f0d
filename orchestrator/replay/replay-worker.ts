import { lstat, mkdir, realpath, rm, writeFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { DomainError } from "../../kernel/errors.ts";
import type { Job, Outcome, Runner } from "../runners/runner.ts";
import type { Submission } from "./variants.ts";

/**
 * A worker that leaves behind what it was told to, whatever the job says. `begins` is called when it has the job, and
 * awaited before it writes: so one worker can wait for another.
 */
export function replayWorker(
  submissionOf: (job: Job) => Submission,
  begins: (job: Job) => Promise<void>,
): Runner {
  return {
    name: "replay",
    worksIn: "worktree",
    async run(job): Promise<Outcome> {
      const rest = { usage: { inputTokens: 0, outputTokens: 0, usd: 0 }, turns: 1, summary: "replayed" };
      try {
        await begins(job);
        for (const [path, content] of submissionOf(job)) await leave(job.worktree ?? "", path, content);
        return { status: "done", result: { kind: "work" }, ...rest };
      } catch (error) {
        const failure =
          error instanceof DomainError
            ? error
            : new DomainError("unavailable", `the replayed change could not be written: ${String(error)}`);
        return { status: "failed", error: failure.toAnswer(), ...rest };
      }
    },
  };
}

/** Writes or removes one file; a link of the repository is replaced, never followed. */
async function leave(worktree: string, path: string, content: string | null): Promise<void> {
  const top = await realpath(worktree);
  const file = join(top, path);
  if (content !== null) await mkdir(dirname(file), { recursive: true });
  const folder = await realpath(dirname(file)).catch(() => top);
  if (folder !== top && !folder.startsWith(top + sep))
    throw new DomainError("denied", `${path} leads out of the worktree`);
  if (content === null) return rm(file, { force: true });
  const known = await lstat(file).catch(() => null);
  if (known?.isSymbolicLink() === true) await rm(file);
  await writeFile(file, content);
}
