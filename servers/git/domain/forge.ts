/** A place where repositories are hosted and changes are reviewed, in words of ours: no forge's own types pass here. */
export interface Forge {
  /** Host name, for the effects of a call. */
  readonly host: string;
  findPullRequest(
    place: ForgePlace,
    by: { readonly number: number } | { readonly head: string; readonly base?: string | undefined },
  ): Promise<PullRequest | undefined>;
  createPullRequest(place: ForgePlace, request: NewPullRequest): Promise<PullRequest>;
  updatePullRequest(place: ForgePlace, number: number, changes: PullRequestChanges): Promise<PullRequest>;
  /** Asks these people and teams for a review; those the forge does not know are given back. */
  requestReviewers(
    place: ForgePlace,
    number: number,
    reviewers: readonly string[],
  ): Promise<readonly string[]>;
  review(place: ForgePlace, number: number, review: NewReview): Promise<void>;
  /** Comments of the conversation, the oldest first. */
  comments(place: ForgePlace, number: number): Promise<readonly { readonly body: string }[]>;
  comment(place: ForgePlace, number: number, body: string): Promise<void>;
  /** Merges if the head is still at `expectedHead`. Returns the commit on the base. */
  merge(
    place: ForgePlace,
    number: number,
    expectedHead: string,
    method: MergeMethod,
    message: string | undefined,
  ): Promise<string>;
  /** Puts it in the merge queue of its base. */
  enqueue(place: ForgePlace, number: number, expectedHead: string): Promise<void>;
  checks(place: ForgePlace, ref: string): Promise<readonly Check[]>;
  /** The text of a failed check's log; undefined where there is none to read. */
  checkLog(place: ForgePlace, check: Check): Promise<string | undefined>;
  /** A file as it is on a branch; undefined where there is none. */
  readFile(place: ForgePlace, ref: string, path: string): Promise<string | undefined>;
  changedFiles(place: ForgePlace, number: number): Promise<readonly string[]>;
  searchRepositories(query: string, page: number): Promise<RepositoryPage>;
}

/** A repository of the forge. */
export interface ForgePlace {
  readonly owner: string;
  readonly name: string;
}

export type MergeMethod = "merge" | "squash" | "rebase";

export interface PullRequest {
  readonly number: number;
  readonly state: "open" | "closed" | "merged";
  readonly title: string;
  readonly body: string;
  readonly draft: boolean;
  readonly author: string;
  readonly head: { readonly branch: string; readonly commit: string };
  readonly base: string;
  /** null while the forge has not found out. */
  readonly mergeable: boolean | null;
  /** From a fork, or from somebody who may not push: its code is not to be trusted. */
  readonly trusted: boolean;
  readonly reviews: readonly { readonly by: string; readonly verdict: string }[];
  readonly requestedReviewers: readonly string[];
  readonly url: string;
}

export interface NewPullRequest {
  readonly title: string;
  readonly body: string;
  readonly head: string;
  readonly base: string;
  readonly draft: boolean;
}

export interface PullRequestChanges {
  readonly title?: string | undefined;
  readonly body?: string | undefined;
  readonly base?: string | undefined;
  readonly state?: "open" | "closed" | undefined;
}

export interface NewReview {
  readonly verdict: "approve" | "request_changes" | "comment";
  readonly body: string;
}

export interface Check {
  readonly id: string;
  readonly name: string;
  readonly state: "pending" | "success" | "failure" | "neutral";
  readonly summary: string;
  readonly url: string;
}

export interface RepositoryPage {
  readonly total: number;
  readonly repositories: readonly {
    readonly name: string;
    readonly description: string;
    readonly stars: number;
    readonly language: string | null;
    readonly clone_url: string;
    readonly archived: boolean;
  }[];
}

/** The repository of a forge that a remote's address names; undefined when it is on another host or has another form. */
export function placeOf(url: string, host: string): ForgePlace | undefined {
  const match =
    /^(?:https?|ssh):\/\/(?:[^/@]*@)?([^/:]+)(?::\d+)?\/([^/]+)\/([^/]+?)(?:\.git)?\/?$/.exec(url) ??
    /^[^@]+@([^:]+):([^/]+)\/([^/]+?)(?:\.git)?$/.exec(url);
  const [, found, owner, name] = match ?? [];
  if (
    found === undefined ||
    owner === undefined ||
    name === undefined ||
    found.toLowerCase() !== host.toLowerCase()
  )
    return undefined;
  return /^[\w.-]+$/.test(owner) && /^[\w.-]+$/.test(name) ? { owner, name } : undefined;
}
