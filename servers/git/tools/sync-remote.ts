import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { defineTool, type Annotations } from "../../../kernel/mcp/tool.ts";
import { assertMovable, checkoutOf, moveCheckout } from "../adapters/checkout.ts";
import { isAncestor, headRef, readRef, refsBelow, swapRef } from "../adapters/refs.ts";
import { fetchFrom, openRemote, pushTo, type Remote } from "../adapters/remote.ts";
import { takeSnapshot } from "../adapters/snapshot.ts";
import { readChanges } from "../adapters/trees.ts";
import type { GitDeps } from "../deps.ts";
import { refuseBranchName } from "../domain/branch.ts";
import type { Plan, RefChange } from "../domain/operation.ts";
import { showPath } from "../domain/path.ts";
import { effects, keyInput, repoInput, requester, writeInTurn, written } from "./answer.ts";
import { journaled } from "./journal.ts";

const TALKS: Annotations = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: true,
  openWorldHint: true,
};

const input = z.object({
  repo: repoInput,
  action: z.enum(["fetch", "pull", "push"]),
  remote: z.string().default("origin"),
  branch: z.string().optional().describe("Default: fetch all; pull, push the one checked out"),
  force_with_lease: z.string().optional().describe("push over the remote branch, if it is at this object id"),
  idempotency_key: keyInput,
});
type Args = z.output<typeof input>;

export const syncRemote = defineTool({
  name: "sync_remote",
  title: "Sync with a remote",
  description: "Fetches, pulls (fast-forward only) or pushes a branch.",
  input,
  output: z.object({ refs: z.array(z.looseObject({})).describe("ref, from, to"), ...written }).partial(),
  annotations: TALKS,
  async run(args, deps: GitDeps, call) {
    const git = await deps.host.open(args.repo);
    if (args.branch !== undefined) {
      const reason = refuseBranchName(args.branch);
      if (reason !== undefined)
        throw new DomainError("invalid", `this cannot be a branch name: ${reason}`, {
          hint: "give a short name",
        });
    }
    const remote = await openRemote(deps.host, git, args.remote);
    return writeInTurn(deps, git, call, async () => {
      const pending = await deps.store.read((tx) => tx.pending(requester(call)));
      const id = pending?.id ?? deps.newId("op");
      const done =
        args.action === "push"
          ? await push(deps, git, call, id, remote, args)
          : args.action === "fetch"
            ? await fetch(deps, git, call, id, remote, args.branch)
            : await pull(deps, git, call, id, remote, args);
      return deps.store.answer(call, (tx) => {
        tx.settle(id, "done", []);
        return {
          refs: done.refs.map((change) => ({ ...change })),
          operation_id: id,
          effects: effects(done.refs, done.files, remote.host === undefined ? [] : [remote.host]),
        };
      });
    });
  },
});

interface Done {
  readonly refs: readonly RefChange[];
  readonly files: readonly string[];
}

async function fetch(
  deps: GitDeps,
  git: GitContext,
  call: Call,
  id: string,
  remote: Remote,
  branch: string | undefined,
): Promise<Done> {
  const below = `refs/remotes/${remote.name}/`;
  const before = await refsBelow(git, below);
  const plan = { kind: "sync" as const, action: "fetch" as const, remote: remote.name, refs: [] };
  await journaled(deps, git, call, id, plan, () => fetchFrom(remote, branch, call.signal));
  const after = await refsBelow(git, below);
  const refs = [...after]
    .map(([ref, to]) => ({ ref, from: before.get(ref) ?? null, to }))
    .filter(({ from, to }) => from !== to);
  return { refs, files: [] };
}

async function pull(
  deps: GitDeps,
  git: GitContext,
  call: Call,
  id: string,
  remote: Remote,
  args: Args,
): Promise<Done> {
  const ref = await branchRef(git, args);
  const short = ref.replace("refs/heads/", "");
  const fetched = await fetch(deps, git, call, id, remote, short);
  const [from, to] = await Promise.all([
    readRef(git, ref),
    readRef(git, `refs/remotes/${remote.name}/${short}`),
  ]);
  if (to === null || from === to) return fetched;
  if (from === null)
    throw new DomainError("invalid_state", "the branch has no commit yet", {
      hint: "clone the repository instead",
    });
  if (await isAncestor(git, to, from)) return fetched;
  if (!(await isAncestor(git, from, to))) {
    throw new DomainError(
      "conflict",
      `${short} and the remote branch have both moved on; the branch was not changed`,
      {
        hint: `integrate_changes with source ${remote.name}/${short}`,
      },
    );
  }
  const checkout = await checkoutOf(deps.host, git, short);
  if (checkout !== undefined) {
    await assertMovable(checkout, from, to);
    await takeSnapshot(checkout, id, deps.clock(), deps.host.scratch);
  }
  const files = (await readChanges(git, [from, to])).map(({ path }) => showPath(path));
  const plan: Plan = { kind: "merge", ref: { ref, from, to }, source: to, files };
  await journaled(deps, git, call, id, plan, async () => {
    if (!(await swapRef(git, plan.ref, "pull: by slipway")))
      throw new DomainError("conflict", "the branch was moved by somebody else just now", {
        hint: "call again",
      });
    if (checkout !== undefined) await moveCheckout(checkout, from, to);
  });
  return { refs: [...fetched.refs, plan.ref], files };
}

async function push(
  deps: GitDeps,
  git: GitContext,
  call: Call,
  id: string,
  remote: Remote,
  args: Args,
): Promise<Done> {
  const ref = await branchRef(git, args);
  const commit = await readRef(git, ref);
  if (commit === null)
    throw new DomainError("not_found", "there is no such local branch, or it has no commit", {
      hint: "commit first, or name another branch",
    });
  const expected = args.force_with_lease;
  if (expected !== undefined && !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(expected))
    throw new DomainError("invalid", "force_with_lease is not a whole object id", {
      hint: "give the commit that the remote branch is expected to be at",
    });
  const tracking = `refs/remotes/${remote.name}/${ref.replace("refs/heads/", "")}`;
  const from = await readRef(git, tracking);
  const change = { ref: tracking, from, to: commit };
  const plan = { kind: "sync" as const, action: "push" as const, remote: remote.name, refs: [change] };
  await journaled(deps, git, call, id, plan, () => pushTo(remote, { commit, ref, expected }, call.signal));
  await swapRef(git, change, "push: by slipway");
  return { refs: from === commit ? [] : [change], files: [] };
}

async function branchRef(git: GitContext, { branch }: Args): Promise<string> {
  const ref = branch === undefined ? await headRef(git) : `refs/heads/${branch}`;
  if (ref !== "HEAD") return ref;
  throw new DomainError("invalid_state", "no branch is checked out here", { hint: "name the branch" });
}
