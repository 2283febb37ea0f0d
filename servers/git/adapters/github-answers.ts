import { z } from "zod";
import type { Check, PullRequest, RepositoryPage } from "../domain/forge.ts";

// The parts of GitHub's answers that are used. Everything is read here: an answer of another form is a refusal.
// Source: GitHub REST API, version 2022-11-28.

const User = z.object({ login: z.string() }).nullable();

export const Pull = z
  .object({
    number: z.int(),
    node_id: z.string(),
    state: z.enum(["open", "closed"]),
    merged_at: z.string().nullish(),
    merge_commit_sha: z.string().nullish(),
    title: z.string(),
    body: z.string().nullish(),
    draft: z.boolean().nullish(),
    user: User,
    author_association: z.string().default("NONE"),
    head: z.object({
      ref: z.string(),
      sha: z.string(),
      repo: z.object({ full_name: z.string() }).nullish(),
    }),
    base: z.object({ ref: z.string(), repo: z.object({ full_name: z.string() }) }),
    mergeable: z.boolean().nullish(),
    requested_reviewers: z.array(z.object({ login: z.string() })).nullish(),
    requested_teams: z.array(z.object({ slug: z.string() })).nullish(),
    html_url: z.string(),
  })
  .transform((pull) => ({ ...pull, isMerged: pull.merged_at != null }));
export type Pull = z.output<typeof Pull>;

export const Reviews = z.array(z.object({ user: User, state: z.string() }));
export const Comments = z.array(z.object({ body: z.string().nullish() }));
export const Files = z.array(z.object({ filename: z.string() }));
export const Merged = z.object({ sha: z.string() });

export const CheckRuns = z.object({
  check_runs: z.array(
    z.object({
      id: z.int(),
      name: z.string(),
      status: z.string(),
      conclusion: z.string().nullish(),
      html_url: z.string().nullish(),
      output: z.object({ title: z.string().nullish(), summary: z.string().nullish() }).nullish(),
    }),
  ),
});

export const CombinedStatus = z.object({
  statuses: z.array(
    z.object({
      context: z.string(),
      state: z.string(),
      description: z.string().nullish(),
      target_url: z.string().nullish(),
    }),
  ),
});

export const Search = z
  .object({
    total_count: z.int(),
    items: z.array(
      z.object({
        full_name: z.string(),
        description: z.string().nullish(),
        stargazers_count: z.int().default(0),
        language: z.string().nullish(),
        clone_url: z.string(),
        archived: z.boolean().default(false),
      }),
    ),
  })
  .transform(({ total_count, items }): RepositoryPage => ({
    total: total_count,
    repositories: items.map((item) => ({
      name: item.full_name,
      description: item.description ?? "",
      stars: item.stargazers_count,
      language: item.language ?? null,
      clone_url: item.clone_url,
      archived: item.archived,
    })),
  }));

const MAY_PUSH = new Set(["OWNER", "MEMBER", "COLLABORATOR"]);

export function toPullRequest(pull: Pull, reviews: z.output<typeof Reviews>): PullRequest {
  return {
    number: pull.number,
    state: pull.isMerged ? "merged" : pull.state,
    title: pull.title,
    body: pull.body ?? "",
    draft: pull.draft ?? false,
    author: pull.user?.login ?? "ghost",
    head: { branch: pull.head.ref, commit: pull.head.sha },
    base: pull.base.ref,
    mergeable: pull.mergeable ?? null,
    trusted: pull.head.repo?.full_name === pull.base.repo.full_name && MAY_PUSH.has(pull.author_association),
    reviews: reviews.map(({ user, state }) => ({ by: user?.login ?? "ghost", verdict: state.toLowerCase() })),
    requestedReviewers: [
      ...(pull.requested_reviewers ?? []).map(({ login }) => login),
      ...(pull.requested_teams ?? []).map(({ slug }) => slug),
    ],
    url: pull.html_url,
  };
}

const GOOD = new Set(["success"]);
const IDLE = new Set(["neutral", "skipped", "stale"]);

export function toChecks(
  runs: z.output<typeof CheckRuns>,
  combined: z.output<typeof CombinedStatus>,
): readonly Check[] {
  return [
    ...runs.check_runs.map((run): Check => {
      const conclusion = run.conclusion ?? "";
      return {
        id: String(run.id),
        name: run.name,
        state:
          run.status !== "completed"
            ? "pending"
            : GOOD.has(conclusion)
              ? "success"
              : IDLE.has(conclusion)
                ? "neutral"
                : "failure",
        summary: [run.output?.title, run.output?.summary].filter(Boolean).join("\n"),
        url: run.html_url ?? "",
      };
    }),
    ...combined.statuses.map((status): Check => ({
      id: "",
      name: status.context,
      state: status.state === "pending" ? "pending" : status.state === "success" ? "success" : "failure",
      summary: status.description ?? "",
      url: status.target_url ?? "",
    })),
  ];
}
