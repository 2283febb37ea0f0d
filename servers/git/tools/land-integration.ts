import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { assertMovable, checkoutOf, moveCheckout, nameSome } from "../adapters/checkout.ts";
import { judgeConflicts, resolveMechanically } from "../adapters/judge-conflicts.ts";
import { isAncestor, readRef, swapRef, writeCommit } from "../adapters/refs.ts";
import { tryIntegration, type Trial } from "../adapters/replay.ts";
import { takeSnapshot } from "../adapters/snapshot.ts";
import { readChanges } from "../adapters/trees.ts";
import type { GitDeps } from "../deps.ts";
import type { Integration } from "../domain/integration.ts";
import { mergeMessage } from "../domain/merge.ts";
import type { Plan } from "../domain/operation.ts";
import { showPath } from "../domain/path.ts";
import { requester } from "./answer.ts";

type MergePlan = Extract<Plan, { kind: "merge" }>;

/** What is asked for: source is to come to the branch target. */
export interface LandRequest {
  readonly operation: Integration;
  readonly source: string;
  readonly target: string;
  readonly message?: string | undefined;
  /** Whether additions of both sides that fit together are kept, or a conflict. */
  readonly resolve: "none" | "mechanical";
}

/** A branch that has moved, and the worktree that shows it. */
export interface Landed {
  readonly plan: MergePlan;
  readonly checkout: GitContext | undefined;
  /** False where files of the worktree do not show it yet. */
  readonly synced: boolean;
}

const REASON = "integrate: by slipway";

/** Finishes what a killed process had planned; undefined when the target has moved elsewhere and all starts afresh. */
export async function resume(
  git: GitContext,
  plan: MergePlan,
  args: LandRequest,
  deps: GitDeps,
): Promise<Landed | undefined> {
  const { ref, from, to } = plan.ref;
  if (from === null || to === null) return undefined;
  const now = await readRef(git, ref);
  if (now === null) return undefined;
  const isThere = now === to || (await isAncestor(git, to, now));
  if (!isThere && now !== from) return undefined;
  const checkout = await checkoutOf(deps.host, git, args.target);
  if (!isThere) {
    if (checkout !== undefined) await assertMovable(checkout, from, to);
    if (!(await swapRef(git, plan.ref, REASON))) return undefined;
  }
  // The first process may have moved the files already: then this changes nothing.
  const synced = checkout === undefined || (await moveCheckout(checkout, from, to));
  return { plan, checkout, synced };
}

/** Plans the merge, moves the branch, then the worktree that shows it. */
export async function land(
  id: string,
  git: GitContext,
  source: string,
  target: string,
  args: LandRequest,
  deps: GitDeps,
  call: Call,
): Promise<Landed> {
  const at = deps.clock();
  const trial = await tryIntegration(
    git,
    { operation: args.operation, source, target, at, message: args.message },
    call.signal,
  );
  const commit = await commitOf(id, git, trial, { source, target, at }, args, deps, call);
  if (commit === target) {
    throw new DomainError("invalid_state", "target has these changes already; nothing was changed", {
      hint: "look at its history",
    });
  }
  const checkout = await checkoutOf(deps.host, git, args.target);
  if (checkout !== undefined) await assertMovable(checkout, target, commit);
  const changes = await readChanges(git, [target, commit]);
  const plan: MergePlan = {
    kind: "merge",
    ref: { ref: `refs/heads/${args.target}`, from: target, to: commit },
    source,
    files: changes.map((change) => showPath(change.path)),
  };
  // The intent goes first: whatever happens to this process, a retry under the key finds out what was done.
  if (checkout !== undefined) await takeSnapshot(checkout, id, at, deps.host.scratch);
  await deps.store.write(call, (tx) => {
    const taskId = tx.taskOf(git.commonDir, { branch: args.source.replace(/^refs\/heads\//, "") });
    tx.plan({ id, repo: git.commonDir, plan, at, taskId }, requester(call));
  });
  if (!(await swapRef(git, plan.ref, REASON))) throw moved("target");
  if (checkout === undefined || (await moveCheckout(checkout, target, commit)))
    return { plan, checkout, synced: true };

  // Somebody edited a file in this very moment. Take the branch back; if it has moved on, say so instead.
  const undone = await swapRef(
    git,
    { ref: plan.ref.ref, from: commit, to: target },
    "merge: undone by slipway",
  );
  if (!undone) return { plan, checkout, synced: false };
  throw new DomainError(
    "invalid_state",
    `files in ${checkout.worktree} changed while the merge was made; nothing was changed`,
    {
      hint: "commit or move them, then call again",
    },
  );
}

interface Ends {
  readonly source: string;
  readonly target: string;
  readonly at: number;
}

/** The commit that target becomes. @throws {DomainError} conflict, told of in the events too. */
async function commitOf(
  id: string,
  git: GitContext,
  trial: Trial,
  { source, target, at }: Ends,
  args: LandRequest,
  deps: GitDeps,
  call: Call,
): Promise<string> {
  if (trial.clean && trial.commit !== undefined) return trial.commit;
  const tree = trial.clean ? trial.tree : await resolve(id, git, trial, args, deps, call);
  if (tree !== undefined) {
    const message = args.message ?? mergeMessage(args.source, args.target);
    return writeCommit(git, { tree, parents: [target, source], message: `${message.trim()}\n`, at });
  }
  const paths = trial.conflicts.map((conflict) => conflict.path);
  await deps.store.write(call, (tx) =>
    tx.tell({
      type: "conflict.found",
      subject: id,
      data: { repo: git.commonDir, source, target, paths: paths.slice(0, 50).map(showPath) },
    }),
  );
  throw new DomainError("conflict", `source and target conflict in ${nameSome(paths)}; nothing was changed`, {
    hint: "preview_integration shows the regions; merge target into source, resolve there, and integrate again",
  });
}

/** The tree of a merge whose conflicts are all additions that fit together, when the caller wants that. */
async function resolve(
  id: string,
  git: GitContext,
  trial: Trial,
  args: LandRequest,
  deps: GitDeps,
  call: Call,
): Promise<string | undefined> {
  if (args.resolve === "none" || args.operation !== "merge") return undefined;
  const judged = await judgeConflicts(git, trial, call.signal);
  const index = join(deps.host.scratch, `${id}.resolve.index`);
  const tree = await resolveMechanically(git, trial, judged, index);
  await rm(index, { force: true });
  if (tree === undefined) return undefined;
  await deps.store.write(call, (tx) =>
    tx.tell({
      type: "conflict.resolved",
      subject: id,
      data: {
        repo: git.commonDir,
        level: "mechanical",
        by: "slipway",
        paths: judged.slice(0, 50).map(({ path }) => showPath(path)),
      },
    }),
  );
  return tree;
}

/** The refusal where a side has moved since it was looked at. */
export function moved(side: "source" | "target"): DomainError {
  return new DomainError("conflict", `${side} is no longer at its expected commit; nothing was changed`, {
    hint: "preview again, judge the new state, and pass its object ids",
  });
}
