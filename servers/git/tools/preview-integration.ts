import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { fitItems } from "../../../kernel/tokens.ts";
import { isAncestor } from "../adapters/refs.ts";
import { readRegions, simulateMerge } from "../adapters/trees.ts";
import type { GitDeps } from "../deps.ts";
import type { SimulatedMerge } from "../domain/merge.ts";
import { showPath } from "../domain/path.ts";
import { repoInput, tokensInput } from "./answer.ts";

export const operationInput = z.string().default("merge").describe("Only merge so far");

/** @throws {DomainError} invalid for anything but a merge. */
export function assertMerge(operation: string): void {
  if (operation === "merge") return;
  throw new DomainError("invalid", "this operation is not supported yet", { hint: 'supported: "merge"' });
}

export const previewIntegration = defineTool({
  name: "preview_integration",
  title: "Try a merge",
  description:
    "Says whether source would merge into target and where not, without touching branches or files. Hand source_commit and target_commit to integrate_changes.",
  input: z.object({
    repo: repoInput,
    operation: operationInput,
    source: z.string(),
    target: z.string(),
    max_tokens: tokensInput,
  }),
  output: z.object({
    clean: z.boolean(),
    already_merged: z.boolean(),
    source_commit: z.string(),
    target_commit: z.string(),
    tree: z.string().optional(),
    conflicts: z
      .array(z.looseObject({ path: z.string() }))
      .describe("path, level, kind, regions[{start,end}]: lines of the merged text from <<<<<<< to >>>>>>>"),
    truncated: z.boolean(),
  }),
  annotations: READS,
  async run({ repo, operation, source, target, max_tokens }, { host }: GitDeps, call) {
    assertMerge(operation);
    const git = await host.open(repo);
    const [source_commit, target_commit] = await Promise.all([
      git.resolveCommit(source),
      git.resolveCommit(target),
    ]);
    const [merged, already_merged] = await Promise.all([
      simulateMerge(git, target_commit, source_commit, call.signal),
      isAncestor(git, source_commit, target_commit),
    ]);
    const { taken, truncated } = fitItems(await describe(git, merged, call.signal), max_tokens, 150);
    return {
      clean: merged.clean,
      already_merged,
      source_commit,
      target_commit,
      ...(merged.clean ? { tree: merged.tree } : {}),
      conflicts: [...taken],
      truncated,
    };
  },
});

async function describe(git: GitContext, merged: SimulatedMerge, signal: AbortSignal) {
  if (merged.clean) return [];
  const regions = await readRegions(
    git,
    merged.tree,
    merged.conflicts.map((conflict) => conflict.path),
    signal,
  );
  return merged.conflicts.map(({ path, kind }) => ({
    path: showPath(path),
    level: "textual" as const,
    kind,
    regions: (regions.get(path) ?? []).slice(0, 50).map((region) => ({ ...region })),
  }));
}
