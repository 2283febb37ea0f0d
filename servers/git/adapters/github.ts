import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { Forge, ForgePlace } from "../domain/forge.ts";
import {
  CheckRuns,
  CombinedStatus,
  Comments,
  Files,
  Merged,
  Pull,
  Reviews,
  Search,
  toChecks,
  toPullRequest,
} from "./github-answers.ts";
import { githubClient, isUnclear, type GitHubSettings } from "./github-client.ts";

const MERGEABLE_TRIES = 4;
const MERGEABLE_PAUSE_MS = 400;
const MAX_PAGES = 30;
const PER_PAGE = 100;
const TRIES = 4;

/**
 * The forge behind GitHub's REST API. What creates something is never repeated blindly: after an unclear answer it looks
 * whether the thing is there. Nothing is loaded before the first call.
 */
export function openGitHub(settings: GitHubSettings): Forge {
  const { send, host } = githubClient(settings);
  const pull = async (place: ForgePlace, number: number): Promise<Pull> =>
    send("GET /repos/{owner}/{repo}/pulls/{pull_number}", { ...at(place), pull_number: number }, Pull);

  /** The forge computes mergeability only once it is asked for. */
  async function settled(place: ForgePlace, number: number) {
    let found = await pull(place, number);
    for (let attempt = 1; attempt < MERGEABLE_TRIES; attempt += 1) {
      if (found.state !== "open" || found.mergeable != null) break;
      await pause(MERGEABLE_PAUSE_MS);
      found = await pull(place, number);
    }
    const reviews = await send(
      "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
      { ...at(place), pull_number: number, per_page: PER_PAGE },
      Reviews,
    );
    return toPullRequest(found, reviews);
  }

  async function openPull(
    place: ForgePlace,
    head: string,
    base: string | undefined,
  ): Promise<number | undefined> {
    const pulls = await send(
      "GET /repos/{owner}/{repo}/pulls",
      {
        ...at(place),
        state: "all",
        head: `${place.owner}:${head}`,
        ...(base === undefined ? {} : { base }),
        per_page: PER_PAGE,
      },
      z.array(z.object({ number: z.int(), state: z.string() })),
    );
    return (pulls.find(({ state }) => state === "open") ?? pulls[0])?.number;
  }

  return {
    host,
    async findPullRequest(place, by) {
      if ("number" in by) return settled(place, by.number);
      const number = await openPull(place, by.head, by.base);
      return number === undefined ? undefined : settled(place, number);
    },
    async createPullRequest(place, request) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          const made = await send(
            "POST /repos/{owner}/{repo}/pulls",
            { ...at(place), ...request },
            z.object({ number: z.int() }),
          );
          return await settled(place, made.number);
        } catch (error) {
          if (!isUnclear(error) || attempt === TRIES) throw error;
          // It may have been made and the answer lost.
          const there = await openPull(place, request.head, request.base);
          const found = there === undefined ? undefined : await settled(place, there);
          if (found?.state === "open") return found;
        }
      }
    },
    async updatePullRequest(place, number, changes) {
      await send(
        "PATCH /repos/{owner}/{repo}/pulls/{pull_number}",
        { ...at(place), pull_number: number, ...changes },
        Pull,
      );
      return settled(place, number);
    },
    async requestReviewers(place, number, reviewers) {
      const unknown: string[] = [];
      for (const name of reviewers) {
        const [, team] = name.split("/");
        try {
          await send(
            "POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
            {
              ...at(place),
              pull_number: number,
              ...(team === undefined ? { reviewers: [name] } : { team_reviewers: [team] }),
            },
            z.unknown(),
          );
        } catch (error) {
          if (!(error instanceof DomainError) || error.code !== "invalid") throw error;
          unknown.push(name);
        }
      }
      return unknown;
    },
    async review(place, number, { verdict, body }) {
      await send(
        "POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
        { ...at(place), pull_number: number, event: verdict.toUpperCase(), body },
        z.unknown(),
      );
    },
    async comments(place, number) {
      const all: { readonly body: string }[] = [];
      for (let page = 1; page <= MAX_PAGES; page += 1) {
        const found = await send(
          "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
          { ...at(place), issue_number: number, per_page: PER_PAGE, page },
          Comments,
        );
        all.push(...found.map(({ body }) => ({ body: body ?? "" })));
        if (found.length < PER_PAGE) break;
      }
      return all;
    },
    async comment(place, number, body) {
      await send(
        "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
        { ...at(place), issue_number: number, body },
        z.unknown(),
      );
    },
    async merge(place, number, expectedHead, method, message) {
      try {
        const merged = await send(
          "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge",
          {
            ...at(place),
            pull_number: number,
            sha: expectedHead,
            merge_method: method,
            ...(message === undefined ? {} : { commit_message: message }),
          },
          Merged,
        );
        return merged.sha;
      } catch (error) {
        if (!isUnclear(error)) throw error;
        const now = await pull(place, number);
        if (now.isMerged && now.merge_commit_sha != null) return now.merge_commit_sha;
        throw error;
      }
    },
    async enqueue(place, number, expectedHead) {
      const { node_id } = await pull(place, number);
      await send(
        "POST /graphql",
        {
          query:
            "mutation($id: ID!, $head: GitObjectID) { enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) { mergeQueueEntry { id } } }",
          variables: { id: node_id, head: expectedHead },
        },
        z.object({ data: z.object({ enqueuePullRequest: z.object({}) }) }),
      );
    },
    async checks(place, ref) {
      const [runs, combined] = await Promise.all([
        send(
          "GET /repos/{owner}/{repo}/commits/{ref}/check-runs",
          { ...at(place), ref, per_page: PER_PAGE },
          CheckRuns,
        ),
        send(
          "GET /repos/{owner}/{repo}/commits/{ref}/status",
          { ...at(place), ref, per_page: PER_PAGE },
          CombinedStatus,
        ),
      ]);
      return toChecks(runs, combined);
    },
    async checkLog(place, { id }) {
      if (id === "") return undefined;
      try {
        return await send(
          "GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs",
          { ...at(place), job_id: Number(id) },
          z.string(),
        );
      } catch (error) {
        // Checks of other makers than GitHub's own runner have no log there.
        if (error instanceof DomainError && (error.code === "not_found" || error.code === "denied"))
          return undefined;
        throw error;
      }
    },
    async readFile(place, ref, path) {
      try {
        return await send(
          "GET /repos/{owner}/{repo}/contents/{path}",
          { ...at(place), path, ref, mediaType: { format: "raw" } },
          z.string(),
        );
      } catch (error) {
        if (error instanceof DomainError && error.code === "not_found") return undefined;
        throw error;
      }
    },
    async changedFiles(place, number) {
      const all: string[] = [];
      for (let page = 1; page <= MAX_PAGES; page += 1) {
        const found = await send(
          "GET /repos/{owner}/{repo}/pulls/{pull_number}/files",
          { ...at(place), pull_number: number, per_page: PER_PAGE, page },
          Files,
        );
        all.push(...found.map(({ filename }) => filename));
        if (found.length < PER_PAGE) break;
      }
      return all;
    },
    searchRepositories: (q, page) => send("GET /search/repositories", { q, page, per_page: 30 }, Search),
  };
}

function at({ owner, name }: ForgePlace) {
  return { owner, repo: name };
}
