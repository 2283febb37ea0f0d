import { z } from "zod";
import type { GitContext } from "../../../kernel/git/open.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { cleanText } from "../../../kernel/text.ts";
import { fitText } from "../../../kernel/tokens.ts";
import { changesets, commitsSince, lastRelease } from "../adapters/release.ts";
import type { GitDeps } from "../deps.ts";
import { bumpOf, changelogOf, formatVersion, nextVersion, readChangesets } from "../domain/release.ts";
import { repoInput, tokensInput } from "./answer.ts";

export const planRelease = defineTool({
  name: "plan_release",
  title: "Plan a release",
  description:
    "The next version by conventional commits (or changesets) since the last tag, with its changelog.",
  input: z.object({ repo: repoInput, from: z.string().optional(), max_tokens: tokensInput }),
  output: z
    .object({
      version: z.string().nullable(),
      previous: z.string().nullable(),
      changelog: z.string(),
      head: z.string(),
      truncated: z.boolean(),
    })
    .partial(),
  annotations: READS,
  async run({ repo, from, max_tokens }, { host }: GitDeps) {
    const git = await host.open(repo);
    const plan = await readPlan(git, from);
    const { text, truncated } = fitText(cleanText(plan.changelog), max_tokens - 100);
    return { version: plan.version, previous: plan.previous, changelog: text, head: plan.head, truncated };
  },
});

/** What a release of HEAD would be. */
export async function readPlan(git: GitContext, from: string | undefined) {
  const head = await git.resolveCommit("HEAD");
  const last = await lastRelease(git, head);
  const start = from === undefined ? last?.tag : from;
  const since = start === undefined ? undefined : await git.resolveCommit(start);
  const [commits, files] = await Promise.all([commitsSince(git, since, head), changesets(git, head)]);
  const { bump: wanted, notes } = readChangesets(files);
  const bump = wanted ?? bumpOf(commits);
  const version =
    bump === undefined
      ? null
      : formatVersion(
          last === undefined ? { major: 0, minor: 1, patch: 0 } : nextVersion(last.version, bump),
        );
  return {
    version,
    previous: last?.tag ?? null,
    changelog: changelogOf(commits, notes),
    head,
    prefix: last === undefined || last.tag.startsWith("v") ? "v" : "",
  };
}
