import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { receiptDigest } from "../../../kernel/receipts.ts";
import { estimateTokens, fitItems, fitText } from "../../../kernel/tokens.ts";
import type { SandboxDeps } from "../deps.ts";
import { whole } from "./bounds.ts";
import { markIsolation, maxTokensInput, sandboxId } from "./answer.ts";
import { collectChanges } from "./collect-changes.ts";
import { findSandbox } from "./find-sandbox.ts";

export const exportChanges = defineTool({
  name: "export_changes",
  title: "Export changes",
  description:
    "What changed since the imports, as a patch for git apply. flagged: changes that a host program would run or obey (hooks, agent settings); look at them first. Ignored files and node_modules stay inside unless include_ignored. Join the parts of a long patch, next_offset as offset, while patch_sha256 stays the same.",
  input: z.object({
    sandbox_id: sandboxId,
    include_ignored: z.boolean().default(false),
    offset: whole(0, Number.MAX_SAFE_INTEGER).default(0),
    max_tokens: maxTokensInput,
  }),
  output: z.looseObject({
    patch: z.string(),
    patch_sha256: z.string(),
    files: z.array(z.unknown()),
    flagged: z.array(z.unknown()),
    next_offset: z.number().optional(),
  }),
  annotations: READS,
  core: true,
  async run(
    { sandbox_id: id, include_ignored: isWhole, offset, max_tokens: maxTokens },
    deps: SandboxDeps,
    call,
  ) {
    const found = await findSandbox(deps, id);
    const changes = await collectChanges(deps, found, isWhole);
    call.signal.throwIfAborted();
    // The lists share a third of the room on the first page; later pages are all patch. Flags are never left out by it.
    const files = offset === 0 ? fitItems(changes.files, Math.floor(maxTokens / 4), 0).taken : [];
    const skipped = offset === 0 ? fitItems(changes.skipped, Math.floor(maxTokens / 10), 0).taken : [];
    const flagged = offset === 0 ? fitItems(changes.flagged, 4_000, 0).taken : [];
    const part = fitPatch(
      changes.patch.slice(offset),
      maxTokens - estimateTokens(JSON.stringify([files, skipped, flagged])) - 120,
    );
    const next = offset + part.length;
    return {
      patch: part,
      patch_sha256: receiptDigest(changes.patch),
      files: [...files],
      files_count: changes.files.length,
      flagged: [...flagged],
      ...(skipped.length === 0 ? {} : { skipped: [...skipped] }),
      ignored_count: changes.ignored,
      ...(next < changes.patch.length ? { next_offset: next } : {}),
      truncated: next < changes.patch.length || (offset === 0 && files.length < changes.files.length),
      ...markIsolation(found.record),
    };
  },
});

/** A first part that fits as JSON; never empty while something is left, and never half a character. */
function fitPatch(text: string, maxTokens: number): string {
  let { text: part } = fitText(text, Math.max(maxTokens, 60));
  for (
    let cost = estimateTokens(JSON.stringify(part));
    cost > Math.max(maxTokens, 60);
    cost = estimateTokens(JSON.stringify(part))
  ) {
    part = fitText(part, Math.floor((estimateTokens(part) * Math.max(maxTokens, 60)) / cost) - 1).text;
  }
  return part;
}
