import { readByTool, type Resource } from "../../kernel/mcp/resource.ts";
import type { SandboxDeps } from "./deps.ts";
import { readJobTool } from "./tools/read-job.ts";

/** What a host can attach of the sandboxes. Handles of jobs are secrets of who started them, so none is suggested. */
export const sandboxResources: readonly Resource<SandboxDeps>[] = [
  {
    name: "job_log",
    title: "A job's log",
    description: "What a long command printed, or how it ended.",
    uri: "slipway://jobs/{id}",
    mimeType: "application/json",
    read: ({ id = "" }, deps, call) =>
      readByTool(readJobTool, { job_id: id, wait_ms: 0, max_tokens: 10_000 }, deps, call),
  },
];
