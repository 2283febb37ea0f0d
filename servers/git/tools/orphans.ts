import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { checkoutOf, moveCheckout } from "../adapters/checkout.ts";
import { refreshIndex } from "../adapters/commit.ts";
import { readHead } from "../adapters/head.ts";
import { findFollowers, follow } from "../adapters/move-refs.ts";
import { isAncestor, readRef } from "../adapters/refs.ts";
import { discardWorktree } from "../adapters/worktrees.ts";
import type { GitDeps } from "../deps.ts";
import type { Plan } from "../domain/operation.ts";
import { netChanges } from "../domain/undo.ts";

/**
 * Finishes what killed processes left half done: files follow a branch that has moved, a worktree that nobody was told
 * of goes. An operation whose caller may still ask again by its key stays open for that.
 */
export async function finishOrphans(deps: GitDeps, git: GitContext, call: Call): Promise<void> {
  for (const { operation, isAwaited } of await deps.store.read((tx) => tx.orphans(git.commonDir))) {
    const { id, plan } = operation;
    if (isAwaited && plan.kind === "add_worktree") continue;
    const isDone = await finish(deps, git, plan).catch((error: unknown) => {
      // A worktree that cannot be opened is no reason to refuse work elsewhere.
      if (error instanceof DomainError) return false;
      throw error;
    });
    if (!isAwaited) await deps.store.write(call, (tx) => tx.settle(id, isDone ? "done" : "refused", []));
  }
}

/** Whether what was planned has come about; its files are brought in step then. */
async function finish(deps: GitDeps, git: GitContext, plan: Plan): Promise<boolean> {
  switch (plan.kind) {
    case "commit": {
      if ((await readRef(git, plan.ref.ref)) === plan.ref.to)
        await refreshIndex(await deps.host.open(plan.worktree), plan.files);
      return isHeld(git, plan.ref.ref, plan.ref.to);
    }
    case "merge": {
      const { ref, from, to } = plan.ref;
      if (from !== null && to !== null && (await readRef(git, ref)) === to) {
        const checkout = await checkoutOf(deps.host, git, ref.replace("refs/heads/", ""));
        if (checkout !== undefined) await moveCheckout(checkout, from, to);
      }
      return isHeld(git, ref, to);
    }
    case "undo": {
      for (const { ref, to } of netChanges(plan.moves)) if ((await readRef(git, ref)) !== to) return false;
      await follow(await findFollowers(deps.host, git, plan.moves));
      return true;
    }
    case "switch": {
      const checkout = await deps.host.open(plan.worktree);
      const head = await readHead(checkout);
      if (head?.ref !== plan.to.ref || head.commit !== plan.to.commit) return false;
      return moveCheckout(checkout, plan.from.commit, plan.to.commit);
    }
    case "branch": {
      for (const { ref, to } of plan.refs) if ((await readRef(git, ref)) !== to) return false;
      return true;
    }
    case "add_worktree": {
      const { path, branch, base, ref } = plan;
      await discardWorktree(git, { path, branch, base, isNew: ref.from === null });
      return false;
    }
    // A fetch is simply made again, and of a push the remote knows.
    case "forge":
    case "sync":
    case "remove_worktree":
    case "create_repository":
      return false;
  }
}

async function isHeld(git: GitContext, ref: string, commit: string | null): Promise<boolean> {
  const now = await readRef(git, ref);
  return now !== null && commit !== null && (now === commit || isAncestor(git, commit, now));
}
