import { clipText } from "../../kernel/text.ts";
import { jobDocument } from "./job-document.ts";
import type { Job } from "./runner.ts";
import { asData } from "./untrusted.ts";

const MOST_CONTEXT = 40_000;
const MOST_DIFF = 120_000;
const MOST_LOG = 20_000;

/**
 * The first message of a conversation: the job as one JSON line that nothing inside it can break out of,
 * then everything that others wrote, each with where it came from.
 */
export function openingMessage(job: Job): string {
  const {
    context: _context,
    feedback: _feedback,
    diff: _diff,
    log: _log,
    worktree: _worktree,
    ...facts
  } = jobDocument(job);
  const parts = [`<job>${JSON.stringify(facts).replaceAll("<", "\\u003c")}</job>`];
  if (job.feedback !== "")
    parts.push(asData("why the last attempt was rejected", clipText(job.feedback, MOST_LOG)));
  if (job.context !== "")
    parts.push(asData("context and recalled memory", clipText(job.context, MOST_CONTEXT)));
  if (job.role === "reviewer") {
    parts.push(asData("git diff under review", clipText(job.diff, MOST_DIFF)));
    parts.push(asData("test log of that change", clipText(job.log, MOST_LOG)));
  }
  return parts.join("\n\n");
}
