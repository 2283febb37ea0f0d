import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { DESTROYS, defineTool } from "../../../kernel/mcp/tool.ts";
import { listWorktrees, nameSome } from "../adapters/checkout.ts";
import { takeSnapshot } from "../adapters/snapshot.ts";
import { readStatus } from "../adapters/trees.ts";
import { countHolders } from "../adapters/refs.ts";
import { deleteWorktree } from "../adapters/worktrees.ts";
import type { GitDeps } from "../deps.ts";
import type { HeadState } from "../domain/operation.ts";
import { dirtyPaths } from "../domain/status.ts";
import type { WorktreeEntry } from "../domain/worktree.ts";
import { effects, keyInput, repoInput, requester, writeInTurn, written } from "./answer.ts";

export const removeWorktree = defineTool({
  name: "remove_worktree",
  title: "Remove a worktree",
  description:
    "Deletes a worktree's folder; its branch stays. Name it by id or path. Refuses where there is unsaved work, unless force is set; undo_operation then brings it back.",
  input: z.object({
    repo: repoInput,
    id: z.string().optional(),
    path: z.string().optional(),
    force: z.boolean().default(false),
    idempotency_key: keyInput,
  }),
  output: z.object({ removed: z.string(), branch: z.string().nullable(), ...written }).partial(),
  annotations: DESTROYS,
  core: true,
  async run({ repo, id: worktreeId, path: worktreePath, force }, deps: GitDeps, call) {
    const name = worktreeId ?? worktreePath;
    if (name === undefined || (worktreeId !== undefined && worktreePath !== undefined)) {
      throw new DomainError("invalid", "name the worktree by either id or path", {
        hint: "list_worktrees has both",
      });
    }
    const git = await deps.host.open(repo);
    return writeInTurn(deps, git, call, async () => {
      const pending = await deps.store.read((tx) => tx.pending(requester(call)));
      const lease = await deps.store.read((tx) =>
        worktreeId === undefined ? tx.leaseByPath(name) : tx.leaseById(name),
      );
      const path = lease?.path ?? name;
      const entry = (await listWorktrees(git)).find((candidate) => candidate.path === path);
      if (entry !== undefined) await assertRemovable(deps, git, entry, force);
      else if (lease?.repo !== git.commonDir && pending === undefined) {
        throw new DomainError("not_found", "this repository has no such worktree", {
          hint: "list_worktrees names them",
        });
      }
      const id = pending?.id ?? deps.newId("op");
      const plan = {
        kind: "remove_worktree" as const,
        path,
        worktreeId: lease?.id ?? null,
        was: headOf(entry),
      };
      await deps.store.write(call, (tx) =>
        tx.plan({ id, repo: git.commonDir, plan, at: deps.clock() }, requester(call)),
      );
      if (entry !== undefined) {
        if (!entry.prunable)
          await takeSnapshot(await deps.host.open(path), id, deps.clock(), deps.host.scratch);
        await deleteWorktree(git, path);
      }
      return deps.store.answer(call, (tx) => {
        tx.settle(id, "done", []);
        tx.removeLease(path, deps.clock());
        return {
          removed: path,
          branch: entry?.branch ?? lease?.branch ?? null,
          operation_id: id,
          effects: effects([], []),
        };
      });
    });
  },
});

function headOf(entry: WorktreeEntry | undefined): HeadState | null {
  if (entry === undefined || entry.prunable || entry.head === null) return null;
  return { ref: entry.branch === null ? "HEAD" : `refs/heads/${entry.branch}`, commit: entry.head };
}

async function assertRemovable(
  deps: GitDeps,
  git: GitContext,
  entry: WorktreeEntry,
  force: boolean,
): Promise<void> {
  if (entry.main)
    throw new DomainError("denied", "the main worktree cannot be removed", {
      hint: "name a linked worktree",
    });
  if (entry.locked)
    throw new DomainError("invalid_state", "the worktree is locked", {
      hint: "whoever locked it runs `git worktree unlock`",
    });
  if (entry.prunable) return;
  const checkout = await deps.host.open(entry.path);
  if (checkout.commonDir !== git.commonDir) {
    throw new DomainError("denied", "the folder belongs to another repository by now", {
      hint: "remove it by hand if it may go",
    });
  }
  if (force) return;
  const dirty = [...dirtyPaths(await readStatus(checkout))];
  if (dirty.length > 0) {
    throw new DomainError(
      "invalid_state",
      `${dirty.length} unsaved ${dirty.length === 1 ? "file" : "files"} would be lost: ${nameSome(dirty)}`,
      {
        hint: "commit them, or set force",
      },
    );
  }
  if (entry.branch === null && entry.head !== null && (await countHolders(git, entry.head, 1)) === 0) {
    throw new DomainError("invalid_state", "no branch or tag holds the worktree's commit", {
      hint: "make a branch there, or set force to lose it",
    });
  }
}
