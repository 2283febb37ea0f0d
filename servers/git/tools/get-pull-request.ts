import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { fitText } from "../../../kernel/tokens.ts";
import { headRef } from "../adapters/refs.ts";
import type { GitDeps } from "../deps.ts";
import { repoInput, tokensInput } from "./answer.ts";
import { forgePlace, showPullRequest } from "./forge-place.ts";

export const getPullRequest = defineTool({
  name: "get_pull_request",
  title: "Pull request",
  description: "A pull request by number or head branch; null when there is none.",
  input: z.object({
    repo: repoInput,
    number: z.int().optional(),
    head: z.string().optional().describe("Default: the branch checked out"),
    max_tokens: tokensInput,
  }),
  output: z
    .object({
      pull_request: z
        .looseObject({})
        .nullable()
        .describe(
          "number, state, title, body, head_commit, base, mergeable, trusted, reviews, requested_reviewers, …",
        ),
    })
    .partial(),
  annotations: { ...READS, openWorldHint: true },
  async run({ repo, number, head, max_tokens }, deps: GitDeps) {
    const git = await deps.host.open(repo);
    const place = await forgePlace(deps, git);
    const branch = head ?? (await headRef(git)).replace("refs/heads/", "");
    if (number === undefined && branch === "HEAD")
      throw new DomainError("invalid", "no branch is checked out", { hint: "give number or head" });
    const found = await deps.forge.findPullRequest(
      place,
      number === undefined ? { head: branch } : { number },
    );
    if (found === undefined) return { pull_request: null };
    const shown = showPullRequest(found);
    const body = fitText(shown.body, Math.max(50, max_tokens - 600));
    return { pull_request: { ...shown, body: body.text } };
  },
});
