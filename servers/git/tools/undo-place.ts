import { lstat } from "node:fs/promises";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { listWorktrees, nameSome } from "../adapters/checkout.ts";
import { readHead, switchHead } from "../adapters/head.ts";
import { porcelain } from "../adapters/porcelain.ts";
import { readRef, swapRef } from "../adapters/refs.ts";
import { restoreSnapshot, snapshotRef } from "../adapters/snapshot.ts";
import { readStatus } from "../adapters/trees.ts";
import { createWorktree, deleteWorktree } from "../adapters/worktrees.ts";
import type { GitDeps } from "../deps.ts";
import type { Operation, Plan, RefChange } from "../domain/operation.ts";
import { dirtyPaths } from "../domain/status.ts";
import { journaled } from "./journal.ts";

export type PlacePlan = Extract<Plan, { kind: "switch" | "add_worktree" | "remove_worktree" | "branch" }>;

interface Undone {
  readonly plan: Plan;
  readonly refs: readonly RefChange[];
}

/** Takes back a switch, a renaming, or the making or removing of a worktree. The undo is such an operation itself. */
export function undoPlace(
  deps: GitDeps,
  git: GitContext,
  call: Call,
  id: string,
  operation: Operation,
  plan: PlacePlan,
): Promise<Undone> {
  switch (plan.kind) {
    case "switch":
      return undoSwitch(deps, git, call, id, plan);
    case "branch":
      return undoRename(deps, git, call, id, plan);
    case "add_worktree":
      return undoAdding(deps, git, call, id, plan);
    case "remove_worktree":
      return undoRemoval(deps, git, call, id, operation.id, plan);
  }
}

async function undoSwitch(
  deps: GitDeps,
  git: GitContext,
  call: Call,
  id: string,
  { worktree, from, to }: Extract<Plan, { kind: "switch" }>,
): Promise<Undone> {
  const checkout = await deps.host.open(worktree);
  const head = await readHead(checkout);
  if (head?.ref !== to.ref) throw gone("the worktree has been switched elsewhere since");
  const commit = from.ref === "HEAD" ? from.commit : await readRef(git, from.ref);
  if (commit === null) throw gone("the branch it was on is not there any more");
  const plan = { kind: "switch" as const, worktree, from: head, to: { ref: from.ref, commit } };
  await journaled(deps, git, call, id, plan, async () => {
    if (!(await switchHead(checkout, head, plan.to)))
      throw gone("files changed while the worktree was switched");
  });
  return { plan, refs: [] };
}

async function undoRename(
  deps: GitDeps,
  git: GitContext,
  call: Call,
  id: string,
  { refs: [old, renamed] }: Extract<Plan, { kind: "branch" }>,
): Promise<Undone> {
  if (old === undefined || renamed === undefined) throw new Error("a renaming has two refs");
  const commit = await readRef(git, renamed.ref);
  if (commit === null || (await readRef(git, old.ref)) !== null)
    throw gone("the branch is gone, or its old name is taken again");
  const refs = [
    { ref: renamed.ref, from: commit, to: null },
    { ref: old.ref, from: null, to: commit },
  ];
  const plan = { kind: "branch" as const, action: "rename" as const, refs };
  await journaled(deps, git, call, id, plan, async () => {
    const command = gitCommand("branch", ["--move"], {
      revisions: [renamed.ref, old.ref].map((ref) => ref.replace("refs/heads/", "")),
    });
    if (!(await porcelain(git, command)).ok) throw gone("git could not rename the branch back");
  });
  return { plan, refs };
}

async function undoAdding(
  deps: GitDeps,
  git: GitContext,
  call: Call,
  id: string,
  added: Extract<Plan, { kind: "add_worktree" }>,
): Promise<Undone> {
  const entry = (await listWorktrees(git)).find(({ path }) => path === added.path);
  if (entry === undefined || entry.prunable) throw gone("the worktree is gone already");
  const dirty = dirtyPaths(await readStatus(await deps.host.open(added.path)));
  if (dirty.size > 0) throw gone(`the worktree holds unsaved work: ${nameSome([...dirty])}`);
  const { ref, from, to } = added.ref;
  const commit = await readRef(git, ref);
  if (from === null && commit !== to) throw gone("its branch has moved on");
  const was = { ref, commit: added.base };
  const plan = { kind: "remove_worktree" as const, path: added.path, worktreeId: added.worktreeId, was };
  const refs = from === null ? [{ ref, from: to, to: null }] : [];
  await journaled(deps, git, call, id, plan, async () => {
    await deleteWorktree(git, added.path);
    for (const change of refs) await swapRef(git, change, "worktree: undone by slipway");
    await deps.store.write(call, (tx) => tx.removeLease(added.path, deps.clock()));
  });
  return { plan, refs };
}

async function undoRemoval(
  deps: GitDeps,
  git: GitContext,
  call: Call,
  id: string,
  removal: string,
  { path, worktreeId, was }: Extract<Plan, { kind: "remove_worktree" }>,
): Promise<Undone> {
  if (was === null) throw gone("the worktree was gone before it was removed");
  const isTaken = await lstat(path).then(
    () => true,
    () => false,
  );
  if (isTaken) throw gone("there is something in its place");
  const now = await readRef(git, was.ref);
  const isBranch = was.ref !== "HEAD";
  const branch = was.ref.replace("refs/heads/", "");
  if ((await listWorktrees(git)).some((entry) => entry.branch === branch))
    throw gone("its branch is checked out elsewhere");
  const isNew = isBranch && now === null;
  const plan = {
    kind: "add_worktree" as const,
    ref: { ref: was.ref, from: isNew ? null : was.commit, to: was.commit },
    worktreeId: worktreeId ?? "",
    path,
    branch,
    base: was.commit,
  };
  await journaled(deps, git, call, id, plan, async () => {
    await createWorktree(git, { path, branch, base: was.commit, isNew, isDetached: !isBranch });
    const snapshot = await readRef(git, snapshotRef(removal));
    if (snapshot !== null) await putBack(deps, path, was.commit, snapshot);
    if (worktreeId !== null) await deps.store.write(call, (tx) => tx.reviveLease(worktreeId));
  });
  return { plan, refs: isNew ? [plan.ref] : [] };
}

/** Unsaved work goes back where its branch is still as it was; else it stays under its ref, which the error names. */
async function putBack(deps: GitDeps, path: string, commit: string, snapshot: string): Promise<void> {
  const checkout = await deps.host.open(path);
  if ((await readHead(checkout))?.commit === commit)
    return restoreSnapshot(checkout, snapshot, deps.host.scratch);
  throw new DomainError(
    "conflict",
    `the worktree is back, but its branch has moved on: the unsaved work stays in ${snapshot}`,
    {
      hint: "take what is needed out of that commit",
    },
  );
}

function gone(why: string): DomainError {
  return new DomainError("invalid_state", `this cannot be taken back: ${why}`, {
    hint: "look at the worktree and its branches; nothing was changed",
  });
}
