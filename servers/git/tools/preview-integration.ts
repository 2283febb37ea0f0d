import { z } from "zod";
import type { GitContext } from "../../../kernel/git/open.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { fitItems } from "../../../kernel/tokens.ts";
import { findSemanticConflicts, judgeConflicts } from "../adapters/judge-conflicts.ts";
import { tryIntegration, type Trial } from "../adapters/replay.ts";
import type { GitDeps } from "../deps.ts";
import { INTEGRATIONS } from "../domain/integration.ts";
import { showPath } from "../domain/path.ts";
import { repoInput, tokensInput } from "./answer.ts";

export const operationInput = z.enum(INTEGRATIONS).default("merge");

export const previewIntegration = defineTool({
  name: "preview_integration",
  title: "Try an integration",
  description:
    "Says whether source would go into target and where not; touches nothing. rebase applies source's commits on top of target. Hand source_commit and target_commit to integrate_changes. Semantic conflicts are guessed from names and may be there when clean.",
  input: z.object({
    repo: repoInput,
    operation: operationInput,
    source: z.string(),
    target: z.string(),
    max_tokens: tokensInput,
  }),
  output: z
    .object({
      clean: z.boolean(),
      already_merged: z.boolean(),
      source_commit: z.string(),
      target_commit: z.string(),
      tree: z.string().optional(),
      stopped_at: z.string().optional(),
      conflicts: z
        .array(z.looseObject({ path: z.string() }))
        .describe("path, level, regions[{start,end}]: lines of the merged text from <<<<<<< to >>>>>>>"),
      truncated: z.boolean(),
    })
    .partial(),
  annotations: READS,
  async run({ repo, operation, source, target, max_tokens }, { host, clock }: GitDeps, call) {
    const git = await host.open(repo);
    const [source_commit, target_commit] = await Promise.all([
      git.resolveCommit(source),
      git.resolveCommit(target),
    ]);
    const trial = await tryIntegration(
      git,
      { operation, source: source_commit, target: target_commit, at: clock() },
      call.signal,
    );
    const { taken, truncated } = fitItems(await describe(git, trial, call.signal), max_tokens, 150);
    return {
      clean: trial.clean,
      already_merged: trial.alreadyThere,
      source_commit,
      target_commit,
      ...(trial.clean ? { tree: trial.tree } : {}),
      ...(trial.stoppedAt === undefined ? {} : { stopped_at: trial.stoppedAt }),
      conflicts: [...taken],
      truncated,
    };
  },
});

const MAX_REGIONS = 50;

async function describe(git: GitContext, trial: Trial, signal: AbortSignal) {
  const [judged, broken] = await Promise.all([
    judgeConflicts(git, trial, signal),
    findSemanticConflicts(git, trial, signal),
  ]);
  return [
    ...judged.map(({ path, level, kind, regions }) => ({
      path: showPath(path),
      level,
      kind,
      regions: regions.slice(0, MAX_REGIONS).map((region) => ({ ...region })),
    })),
    ...broken.map(({ path, symbol, removedBy, lines }) => ({
      path,
      level: "semantic" as const,
      symbol,
      removed_by: removedBy,
      regions: lines.slice(0, MAX_REGIONS).map((line) => ({ start: line, end: line })),
    })),
  ];
}
