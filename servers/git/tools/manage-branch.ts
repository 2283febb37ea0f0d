import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { gitCommand } from "../../../kernel/git/arguments.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { defineTool, DESTROYS } from "../../../kernel/mcp/tool.ts";
import { listWorktrees, moveCheckout, openOperation } from "../adapters/checkout.ts";
import { readHead, switchHead } from "../adapters/head.ts";
import { porcelain } from "../adapters/porcelain.ts";
import { countHolders, localBranches, readRef, swapRef } from "../adapters/refs.ts";
import { snapshotRef, takeSnapshot } from "../adapters/snapshot.ts";
import type { GitDeps } from "../deps.ts";
import { clashingBranch, refuseBranchName } from "../domain/branch.ts";
import type { Plan, RefChange } from "../domain/operation.ts";
import { effects, keyInput, repoInput, requester, writeInTurn, written } from "./answer.ts";
import { journaled } from "./journal.ts";

type BranchPlan = Extract<Plan, { kind: "branch" }>;
type SwitchPlan = Extract<Plan, { kind: "switch" }>;

const input = z.object({
  repo: repoInput,
  action: z.enum(["create", "delete", "rename", "switch"]),
  name: z.string(),
  from: z.string().optional().describe("create: where it starts, default HEAD; rename: its old name"),
  force: z.boolean().default(false).describe("delete unmerged work"),
  idempotency_key: keyInput,
});
type Args = z.output<typeof input>;

export const manageBranch = defineTool({
  name: "manage_branch",
  title: "Branches",
  description:
    "Creates, deletes or renames a branch, or switches this worktree to one. Switching keeps unsaved work, or refuses where it is in the way.",
  input,
  output: z.object({ branch: z.string(), head: z.string().nullable(), ...written }).partial(),
  annotations: DESTROYS,
  async run(args, deps: GitDeps, call) {
    const git = await deps.host.open(args.repo);
    return writeInTurn(deps, git, call, async () => {
      const pending = await deps.store.read((tx) => tx.pending(requester(call)));
      const id = pending?.id ?? deps.newId("op");
      const left =
        pending?.plan.kind === "branch" || pending?.plan.kind === "switch" ? pending.plan : undefined;
      const isDone = left !== undefined && (await isThere(git, left));
      const plan = isDone ? left : await choose(git, args);
      if (!isDone) await journaled(deps, git, call, id, plan, () => carryOut(deps, git, id, plan));
      return deps.store.answer(call, (tx) => {
        tx.settle(id, "done", []);
        return {
          branch: args.name,
          head: plan.kind === "switch" ? plan.to.commit : (plan.refs.at(-1)?.to ?? null),
          operation_id: id,
          effects: effects(plan.kind === "switch" ? [] : plan.refs, []),
        };
      });
    });
  },
});

function choose(git: GitContext, args: Args): Promise<BranchPlan | SwitchPlan> {
  switch (args.action) {
    case "create":
      return chooseCreate(git, args);
    case "delete":
      return chooseDelete(git, args);
    case "rename":
      return chooseRename(git, args);
    case "switch":
      return chooseSwitch(git, args);
  }
}

async function chooseCreate(git: GitContext, { name, from }: Args): Promise<BranchPlan> {
  await assertFree(git, name);
  const to = await git.resolveCommit(from ?? "HEAD");
  return { kind: "branch", action: "create", refs: [{ ref: `refs/heads/${name}`, from: null, to }] };
}

async function chooseDelete(git: GitContext, { name, force }: Args): Promise<BranchPlan> {
  const commit = await commitOf(git, name);
  const holder = (await listWorktrees(git)).find((entry) => entry.branch === name);
  if (holder !== undefined) {
    throw new DomainError("conflict", `the branch ${name} is checked out in ${holder.path}`, {
      hint: "switch that worktree to another branch or remove it first",
    });
  }
  if (!force && (await countHolders(git, commit, 2)) < 2) {
    throw new DomainError("invalid_state", `no other branch or tag has the commits of ${name}`, {
      hint: "integrate it first, or set force; undo_operation brings it back",
    });
  }
  return { kind: "branch", action: "delete", refs: [{ ref: `refs/heads/${name}`, from: commit, to: null }] };
}

async function chooseRename(git: GitContext, { name, from }: Args): Promise<BranchPlan> {
  if (from === undefined)
    throw new DomainError("invalid", "rename needs from, the branch's old name", {
      hint: "name is the new one",
    });
  const commit = await commitOf(git, from);
  if (name === from)
    throw new DomainError("invalid", "the old name and the new one are the same", {
      hint: "give from, the old name, and name, the new one",
    });
  await assertFree(git, name, from);
  return {
    kind: "branch",
    action: "rename",
    refs: [
      { ref: `refs/heads/${from}`, from: commit, to: null },
      { ref: `refs/heads/${name}`, from: null, to: commit },
    ],
  };
}

async function chooseSwitch(git: GitContext, { name }: Args): Promise<SwitchPlan> {
  const commit = await commitOf(git, name);
  const holder = (await listWorktrees(git)).find((entry) => entry.branch === name);
  if (holder !== undefined && holder.path !== git.worktree) {
    throw new DomainError("conflict", `the branch ${name} is checked out in ${holder.path}`, {
      hint: "work there, or choose another branch",
    });
  }
  const from = await readHead(git);
  if (from === undefined) {
    throw new DomainError("invalid_state", "the worktree has no commit yet", {
      hint: "commit_changes first",
    });
  }
  const open = await openOperation(git);
  if (open !== undefined) {
    throw new DomainError("invalid_state", `a ${open} is in progress in this worktree`, {
      hint: `finish or abort the ${open} first`,
    });
  }
  return { kind: "switch", worktree: git.worktree, from, to: { ref: `refs/heads/${name}`, commit } };
}

/** Makes the change. @throws {DomainError} conflict or invalid_state; nothing has changed then. */
async function carryOut(
  deps: GitDeps,
  git: GitContext,
  id: string,
  plan: BranchPlan | SwitchPlan,
): Promise<void> {
  if (plan.kind === "switch") {
    await takeSnapshot(git, id, deps.clock(), deps.host.scratch);
    if (await switchHead(git, plan.from, plan.to)) return;
    throw new DomainError("invalid_state", "files changed while the worktree was switched", {
      hint: "commit or move them, then call again; nothing was changed",
    });
  }
  const [first, second] = plan.refs;
  if (second !== undefined) return rename(git, first?.ref ?? "", second.ref);
  // What nobody else holds must outlive git's own cleaning for as long as it can be undone.
  if (plan.action === "delete" && first?.from != null)
    await swapRef(git, { ref: snapshotRef(id), from: null, to: first.from }, "snapshot: by slipway");
  if (first !== undefined && !(await swapRef(git, first, `branch: ${plan.action} by slipway`)))
    throw moved(first);
}

/** git's own renaming also takes along the reflog, the upstream and the HEADs of worktrees. */
async function rename(git: GitContext, from: string, to: string): Promise<void> {
  const command = gitCommand("branch", ["--move"], { revisions: [from, to].map(shortName) });
  const renamed = await porcelain(git, command);
  if (renamed.ok) return;
  throw new DomainError("conflict", "the branch could not be renamed", {
    hint: "somebody may have moved it or taken the name; look again",
    cause: renamed.stderr,
  });
}

/** Whether a planned change of a killed process is there; a switch is finished on the way. */
async function isThere(git: GitContext, plan: BranchPlan | SwitchPlan): Promise<boolean> {
  if (plan.kind === "switch") {
    const head = await readHead(git);
    if (head?.ref !== plan.to.ref || head.commit !== plan.to.commit) return false;
    return moveCheckout(git, plan.from.commit, plan.to.commit);
  }
  for (const { ref, to } of plan.refs) if ((await readRef(git, ref)) !== to) return false;
  return true;
}

async function commitOf(git: GitContext, branch: string): Promise<string> {
  const commit = refuseBranchName(branch) === undefined ? await readRef(git, `refs/heads/${branch}`) : null;
  if (commit !== null) return commit;
  throw new DomainError("not_found", "there is no such local branch", {
    hint: "give the short name of an existing branch, such as main",
  });
}

/** @throws {DomainError} invalid for a name git would not take, conflict for one that is taken. */
async function assertFree(git: GitContext, name: string, besides?: string): Promise<void> {
  const reason = refuseBranchName(name);
  if (reason !== undefined)
    throw new DomainError("invalid", `this cannot be a branch name: ${reason}`, {
      hint: "use letters, digits, '-', '_' and '/'",
    });
  const others = (await localBranches(git)).filter((branch) => branch !== besides);
  const clash = clashingBranch(name, others);
  if (clash !== undefined)
    throw new DomainError("conflict", "the name clashes with an existing branch", {
      hint: "choose another name",
    });
}

function shortName(ref: string): string {
  return ref.replace("refs/heads/", "");
}

function moved({ ref }: RefChange): DomainError {
  return new DomainError("conflict", `${shortName(ref)} was changed by somebody else just now`, {
    hint: "look at it again, then call again",
  });
}
