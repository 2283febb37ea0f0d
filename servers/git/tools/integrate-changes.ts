import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { defineTool, DESTROYS } from "../../../kernel/mcp/tool.ts";
import { assertMovable, checkoutOf, moveCheckout, nameSome } from "../adapters/checkout.ts";
import { judgeConflicts, resolveMechanically } from "../adapters/judge-conflicts.ts";
import { findMergeOf, isAncestor, readRef, swapRef, writeCommit } from "../adapters/refs.ts";
import { tryIntegration, type Trial } from "../adapters/replay.ts";
import { takeSnapshot } from "../adapters/snapshot.ts";
import { readChanges } from "../adapters/trees.ts";
import type { GitDeps } from "../deps.ts";
import { mergeMessage } from "../domain/merge.ts";
import { refuseMessage } from "../domain/message.ts";
import type { Plan } from "../domain/operation.ts";
import { showPath } from "../domain/path.ts";
import { effects, keyInput, repoInput, requester, writeInTurn, written } from "./answer.ts";
import { operationInput } from "./preview-integration.ts";

type MergePlan = Extract<Plan, { kind: "merge" }>;
type Landed = {
  readonly plan: MergePlan;
  readonly checkout: GitContext | undefined;
  readonly synced: boolean;
};

const REASON = "integrate: by slipway";

const input = z.object({
  repo: repoInput,
  operation: operationInput,
  source: z.string(),
  target: z.string().describe("A local branch"),
  expected_source: z.string().describe("Object id from preview_integration"),
  expected_target: z.string(),
  message: z.string().optional(),
  resolve: z.enum(["none", "mechanical"]).default("none").describe("mechanical: keep what both sides added"),
  idempotency_key: keyInput,
});
type Args = z.output<typeof input>;

export const integrateChanges = defineTool({
  name: "integrate_changes",
  title: "Integrate changes",
  description:
    "Brings source to the branch target as previewed, only if both are still where expected; source stays. A worktree that has target checked out is updated. On a conflict, or where unsaved work is in the way, nothing changes.",
  input,
  output: z
    .object({
      commit: z.string(),
      already_merged: z.boolean(),
      updated_worktree: z.string().nullable(),
      warnings: z.array(z.string()),
      ...written,
    })
    .partial(),
  annotations: DESTROYS,
  core: true,
  async run(args, deps: GitDeps, call) {
    assertMessage(args);
    const git = await deps.host.open(args.repo);
    return writeInTurn(deps, git, call, async () => {
      const pending = await deps.store.read((tx) => tx.pending(requester(call)));
      const id = pending?.id ?? deps.newId("op");
      if (pending?.plan.kind === "merge") {
        const landed = await resume(git, pending.plan, args, deps);
        if (landed !== undefined) return conclude(id, git, landed, args, deps, call);
      }
      const [source, target] = await Promise.all([
        git.resolveCommit(args.source),
        targetOf(git, args.target),
      ]);
      const earlier = await earlierMerge(git, source, target, args);
      if (earlier !== undefined) return alreadyMerged(id, git, earlier, deps, call, pending !== undefined);
      try {
        await assertExpected(git, source, target, args);
        return await conclude(
          id,
          git,
          await land(id, git, source, target, args, deps, call),
          args,
          deps,
          call,
        );
      } catch (error) {
        if (error instanceof DomainError) await refuse(id, git, error, args, deps, call);
        throw error;
      }
    });
  },
});

/** Finishes what a killed process had planned; undefined when the target has moved elsewhere and all starts afresh. */
async function resume(
  git: GitContext,
  plan: MergePlan,
  args: Args,
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
async function land(
  id: string,
  git: GitContext,
  source: string,
  target: string,
  args: Args,
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
  args: Args,
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
  args: Args,
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

function assertMessage({ operation, message, resolve: how }: Args): void {
  const reason = message === undefined ? undefined : refuseMessage(message, {});
  if (reason !== undefined)
    throw new DomainError("invalid", reason, { hint: "correct the message and call again" });
  if (operation === "rebase" && message !== undefined)
    throw new DomainError("invalid", "a rebase keeps the messages of the commits", {
      hint: "leave message out",
    });
  if (operation !== "merge" && how !== "none")
    throw new DomainError("invalid", "only the conflicts of a merge are resolved", {
      hint: "leave resolve out, or merge",
    });
}

function conclude(
  id: string,
  git: GitContext,
  { plan, checkout, synced }: Landed,
  args: Args,
  deps: GitDeps,
  call: Call,
) {
  const commit = plan.ref.to ?? "";
  const warnings = synced
    ? []
    : [
        `stale_worktree: files in ${checkout?.worktree ?? "the worktree"} do not show the merge; run git status there`,
      ];
  return deps.store.answer(call, (tx) => {
    tx.settle(id, "done", [
      {
        type: "integration.done",
        subject: commit,
        data: {
          operation_id: id,
          repo: git.commonDir,
          operation: args.operation,
          target: args.target,
          source: plan.source,
          from: plan.ref.from,
          files: plan.files.length,
        },
      },
    ]);
    return {
      commit,
      already_merged: false,
      updated_worktree: synced ? (checkout?.worktree ?? null) : null,
      warnings,
      operation_id: id,
      effects: effects([plan.ref], plan.files),
    };
  });
}

function alreadyMerged(
  id: string,
  git: GitContext,
  commit: string,
  deps: GitDeps,
  call: Call,
  wasPlanned: boolean,
) {
  return deps.store.answer(call, (tx) => {
    if (wasPlanned)
      tx.settle(id, "refused", [
        { type: "integration.refused", subject: id, data: { repo: git.commonDir, reason: "already merged" } },
      ]);
    return {
      commit,
      already_merged: true,
      updated_worktree: null,
      warnings: [],
      operation_id: id,
      effects: effects([], []),
    };
  });
}

async function refuse(
  id: string,
  git: GitContext,
  error: DomainError,
  args: Args,
  deps: GitDeps,
  call: Call,
): Promise<void> {
  await deps.store.write(call, (tx) => {
    const event = {
      type: "integration.refused" as const,
      subject: id,
      data: { repo: git.commonDir, source: args.source, target: args.target, reason: error.code },
    };
    if (tx.isPlanned(id)) tx.settle(id, "refused", [event]);
    else tx.tell(event);
  });
}

async function targetOf(git: GitContext, branch: string): Promise<string> {
  const target = /[\u0000-\u0020~^:?*[\\]|\.\.|@\{/.test(branch)
    ? null
    : await readRef(git, `refs/heads/${branch}`);
  if (target !== null) return target;
  throw new DomainError("not_found", "target is not a local branch", {
    hint: "give the short name of an existing branch, such as main",
  });
}

/** The commit that brought source into target earlier, when the caller asks for a merge that already happened. */
async function earlierMerge(
  git: GitContext,
  source: string,
  target: string,
  args: Args,
): Promise<string | undefined> {
  if (args.operation !== "merge") return undefined;
  if (source !== (await git.resolveCommit(args.expected_source)) || !(await isAncestor(git, source, target)))
    return undefined;
  return (await findMergeOf(git, source, target)) ?? target;
}

async function assertExpected(git: GitContext, source: string, target: string, args: Args): Promise<void> {
  if ((await git.resolveCommit(args.expected_source)) !== source) throw moved("source");
  if ((await git.resolveCommit(args.expected_target)) !== target) throw moved("target");
}

function moved(side: "source" | "target"): DomainError {
  return new DomainError("conflict", `${side} is no longer at its expected commit; nothing was changed`, {
    hint: "preview again, judge the new state, and pass its object ids",
  });
}
