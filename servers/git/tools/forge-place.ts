import { DomainError } from "../../../kernel/errors.ts";
import { cleanText, clipText } from "../../../kernel/text.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { remoteUrl } from "../adapters/remote.ts";
import type { GitDeps } from "../deps.ts";
import { placeOf, type ForgePlace, type PullRequest } from "../domain/forge.ts";

/** Where the repository lives on the forge, by its remote origin. @throws {DomainError} invalid_state when nowhere. */
export async function forgePlace({ forge }: GitDeps, git: GitContext): Promise<ForgePlace> {
  const [url = ""] = await remoteUrl(git, "origin");
  const place = placeOf(url, forge.host);
  if (place !== undefined) return place;
  throw new DomainError("invalid_state", `the remote origin is no repository of ${forge.host}`, {
    hint: "set origin to its address; GITHUB_API_URL names another GitHub",
  });
}

const BODY_CHARS = 4000;

/** A pull request as a tool shows it. Its texts are others' words. */
export function showPullRequest(pull: PullRequest) {
  return {
    number: pull.number,
    state: pull.state,
    title: oneLine(pull.title),
    body: clipText(cleanText(pull.body), BODY_CHARS),
    draft: pull.draft,
    author: oneLine(pull.author),
    trusted: pull.trusted,
    head: oneLine(pull.head.branch),
    head_commit: pull.head.commit,
    base: oneLine(pull.base),
    mergeable: pull.mergeable,
    reviews: pull.reviews
      .slice(-30)
      .map(({ by, verdict }) => ({ by: oneLine(by), verdict: oneLine(verdict) })),
    requested_reviewers: pull.requestedReviewers.slice(0, 30).map(oneLine),
    url: pull.url,
  };
}

export function oneLine(text: string): string {
  return clipText(cleanText(text).replaceAll("\n", " "), 300).replaceAll("\n", " ");
}
