import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { defineTool, type Annotations } from "../../../kernel/mcp/tool.ts";
import { headRef, readRef } from "../adapters/refs.ts";
import type { GitDeps } from "../deps.ts";
import { CODEOWNERS_PATHS, parseCodeowners, reviewersFor } from "../domain/codeowners.ts";
import type { ForgePlace, PullRequest } from "../domain/forge.ts";
import { effects, keyInput, repoInput, requester, writeInTurn, written } from "./answer.ts";
import { forgePlace, showPullRequest } from "./forge-place.ts";
import { journaled } from "./journal.ts";

const TALKS: Annotations = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: true,
};

const input = z.object({
  repo: repoInput,
  action: z.enum(["create", "update", "review", "comment", "merge", "enqueue"]),
  number: z.int().optional().describe("All but create"),
  head: z.string().optional().describe("create: a pushed branch, default the one checked out"),
  base: z.string().optional(),
  title: z.string().optional(),
  body: z.string().optional(),
  draft: z.boolean().optional(),
  state: z.enum(["open", "closed"]).optional(),
  verdict: z.enum(["approve", "request_changes", "comment"]).optional().describe("review"),
  method: z.enum(["merge", "squash", "rebase"]).optional(),
  expected_head: z.string().optional().describe("merge, enqueue: object id"),
  idempotency_key: keyInput,
});
type Args = z.output<typeof input>;

export const writePullRequest = defineTool({
  name: "write_pull_request",
  title: "Change a pull request",
  description:
    "create makes one pull request per head and base, however often it is called, and asks the owners in CODEOWNERS for review.",
  input,
  output: z
    .object({
      pull_request: z.looseObject({}),
      merged_commit: z.string(),
      unknown_reviewers: z.array(z.string()),
      ...written,
    })
    .partial(),
  annotations: TALKS,
  async run(args, deps: GitDeps, call) {
    const git = await deps.host.open(args.repo);
    const place = await forgePlace(deps, git);
    return writeInTurn(deps, git, call, async () => {
      const pending = await deps.store.read((tx) => tx.pending(requester(call)));
      const id = pending?.id ?? deps.newId("op");
      const plan = { kind: "forge" as const, action: args.action, number: args.number ?? null };
      const done = await journaled(deps, git, call, id, plan, () => carryOut(deps, git, place, id, args));
      return deps.store.answer(call, (tx) => {
        tx.settle(id, "done", [
          {
            type: "pull_request.changed",
            subject: String(done.pull.number),
            data: {
              repo: git.commonDir,
              action: args.action,
              state: done.pull.state,
              head: done.pull.head.commit,
            },
          },
        ]);
        return {
          pull_request: showPullRequest(done.pull),
          ...(done.mergedCommit === undefined ? {} : { merged_commit: done.mergedCommit }),
          ...(done.unknownReviewers === undefined ? {} : { unknown_reviewers: [...done.unknownReviewers] }),
          operation_id: id,
          effects: effects([], [], [deps.forge.host]),
        };
      });
    });
  },
});

interface Done {
  readonly pull: PullRequest;
  readonly mergedCommit?: string;
  readonly unknownReviewers?: readonly string[];
}

async function carryOut(
  deps: GitDeps,
  git: GitContext,
  place: ForgePlace,
  id: string,
  args: Args,
): Promise<Done> {
  if (args.action === "create") return create(deps, git, place, args);
  const { forge } = deps;
  const number = args.number ?? missing("number");
  switch (args.action) {
    case "update": {
      const { title, body, base, state } = args;
      return { pull: await forge.updatePullRequest(place, number, { title, body, base, state }) };
    }
    case "review":
      await forge.review(place, number, {
        verdict: args.verdict ?? missing("verdict"),
        body: args.body ?? "",
      });
      return { pull: await mustFind(deps, place, number) };
    case "comment": {
      // The mark tells a comment that got through from one whose answer was lost.
      const mark = `<!-- slipway:${id} -->`;
      const there = await forge.comments(place, number);
      if (!there.some(({ body }) => body.includes(mark)))
        await forge.comment(place, number, `${args.body ?? missing("body")}\n\n${mark}`);
      return { pull: await mustFind(deps, place, number) };
    }
    case "merge": {
      const expected = args.expected_head ?? missing("expected_head");
      const now = await mustFind(deps, place, number);
      if (now.state === "merged") return { pull: now };
      const mergedCommit = await forge.merge(place, number, expected, args.method ?? "merge", args.body);
      return { pull: await mustFind(deps, place, number), mergedCommit };
    }
    case "enqueue":
      await forge.enqueue(place, number, args.expected_head ?? missing("expected_head"));
      return { pull: await mustFind(deps, place, number) };
  }
}

async function create(deps: GitDeps, git: GitContext, place: ForgePlace, args: Args): Promise<Done> {
  const { forge } = deps;
  const head = args.head ?? (await headRef(git)).replace("refs/heads/", "");
  if (head === "HEAD") throw new DomainError("invalid", "no branch is checked out", { hint: "give head" });
  const base = args.base ?? (await defaultBase(git));
  const there = await forge.findPullRequest(place, { head, base });
  if (there?.state === "open") return { pull: there };
  const made = await forge.createPullRequest(place, {
    title: args.title ?? missing("title"),
    body: args.body ?? "",
    head,
    base,
    draft: args.draft ?? false,
  });
  const reviewers = made.draft ? [] : await owners(deps, place, made);
  if (reviewers.length === 0) return { pull: made };
  const unknownReviewers = await forge.requestReviewers(place, made.number, reviewers);
  return { pull: await mustFind(deps, place, made.number), unknownReviewers };
}

/** Whom the file on the base branch names: the branch under review must not choose its own reviewers. */
async function owners({ forge }: GitDeps, place: ForgePlace, pull: PullRequest): Promise<readonly string[]> {
  for (const path of CODEOWNERS_PATHS) {
    const text = await forge.readFile(place, pull.base, path);
    if (text === undefined) continue;
    return reviewersFor(await forge.changedFiles(place, pull.number), parseCodeowners(text), pull.author);
  }
  return [];
}

async function defaultBase(git: GitContext): Promise<string> {
  for (const name of ["main", "master"])
    if (
      (await readRef(git, `refs/remotes/origin/${name}`)) !== null ||
      (await readRef(git, `refs/heads/${name}`)) !== null
    )
      return name;
  return missing("base");
}

async function mustFind({ forge }: GitDeps, place: ForgePlace, number: number): Promise<PullRequest> {
  const found = await forge.findPullRequest(place, { number });
  if (found !== undefined) return found;
  throw new DomainError("not_found", "there is no such pull request", { hint: "check its number" });
}

function missing(name: string): never {
  throw new DomainError("invalid", `this action needs ${name}`, { hint: `give ${name}` });
}
