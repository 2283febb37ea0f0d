import { z } from "zod";
import { defineTool, DESTROYS } from "../../../kernel/mcp/tool.ts";
import type { SandboxDeps } from "../deps.ts";
import { idempotencyKey, maxTokensInput } from "./answer.ts";
import { jobOutput, showJob } from "./read-job.ts";

export const cancelJobTool = defineTool({
  name: "cancel_job",
  title: "Cancel a job",
  description: "Ends a running job with its whole process tree and returns its last state.",
  input: z.object({ job_id: z.string(), max_tokens: maxTokensInput, idempotency_key: idempotencyKey }),
  output: jobOutput,
  annotations: { ...DESTROYS, idempotentHint: true },
  async run({ job_id: id, max_tokens: maxTokens }, deps: SandboxDeps, call) {
    const shown = showJob(deps, await deps.jobs.cancel(call.principal.id, id), 0, maxTokens);
    return deps.store.answer(call, () => shown);
  },
});
