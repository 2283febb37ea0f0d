import { z } from "zod";
import { DEFAULT_WAIT_MS, MAX_WAIT_MS } from "../../../kernel/jobs.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { atMost, LIMITS } from "../domain/limits.ts";
import type { MemoryDeps } from "../deps.ts";
import type { Indexed } from "../domain/code/indexed.ts";
import { indexTree } from "./index-tree.ts";
import { idempotencyKey } from "./memory-schema.ts";

const globs = z.array(z.string()).default([]);

export const indexCodebase = defineTool({
  name: "index_codebase",
  title: "Index a codebase",
  description:
    "Reads TypeScript, JavaScript, Python, Go, Rust and Java below a folder, for recall (kind code) and find_impact. Only changed files are read anew. status working: call again to wait on.",
  input: z.strictObject({
    root: z.string(),
    include: globs.describe("Globs"),
    exclude: globs,
    wait_ms: z.int().min(0).max(MAX_WAIT_MS).default(DEFAULT_WAIT_MS),
    idempotency_key: idempotencyKey,
  }),
  output: z.looseObject({ status: z.string() }),
  annotations: { ...WRITES, idempotentHint: true },
  async run({ root, include, exclude, wait_ms: waitMs }, deps: MemoryDeps, call) {
    for (const list of [include, exclude])
      atMost(list.length, LIMITS.tags, "a list of globs", "entries", "name folders instead");
    const folder = await deps.trees.folder(root);
    let isWaiting = true;
    const job = await deps.indexing.run(call.principal.id, folder, waitMs, call.signal, (cancelled) =>
      indexTree(deps, call, { root: folder, include, exclude }, cancelled, (progress, total) => {
        if (isWaiting) void call.progress({ progress, total, message: `${progress} of ${total} files` });
      }),
    );
    isWaiting = false;
    if (job.status === "working") return { status: "working", job_id: job.id };
    if (job.result === undefined) throw job.error;
    const answer = shown(job.result);
    return deps.store.answer(call, () => answer);
  },
});

function shown({
  prefix,
  skipped,
  ...counts
}: Indexed): { readonly status: string } & Readonly<Record<string, unknown>> {
  return {
    ...counts,
    status: "completed",
    ...(prefix === "" ? {} : { prefix }),
    ...(skipped.size === 0 ? {} : { skipped: Object.fromEntries(skipped) }),
  };
}
