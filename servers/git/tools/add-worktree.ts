import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { listWorktrees } from "../adapters/checkout.ts";
import { localBranches, readRef } from "../adapters/refs.ts";
import { commitsBehind, createWorktree, discardWorktree, type NewWorktree } from "../adapters/worktrees.ts";
import type { GitDeps } from "../deps.ts";
import { clashingBranch, refuseBranchName } from "../domain/branch.ts";
import type { Plan } from "../domain/operation.ts";
import type { Lease } from "../domain/worktree.ts";
import { effects, keyInput, repoInput, requester, writeInTurn, written } from "./answer.ts";

type WorktreePlan = Extract<Plan, { kind: "add_worktree" }>;

const input = z.object({
  repo: repoInput,
  branch: z.string().describe("New branch, or an existing one to go on with"),
  base: z.string().optional().describe("Where a new branch starts; default the head of repo"),
  ttl_s: z
    .int()
    .refine((seconds) => seconds >= 60 && seconds <= 2_592_000, "60 s to 30 days")
    .optional(),
  task_id: z
    .string()
    .refine((id) => id.length <= 100, "at most 100 characters")
    .optional(),
  idempotency_key: keyInput,
});

export const addWorktree = defineTool({
  name: "add_worktree",
  title: "Add a worktree",
  description:
    "Makes a folder of its own for a branch, outside the repository: worktree has id, path, branch, base, behind, expires_at. behind counts the commits of base's upstream (or of base) that it lacks.",
  input,
  output: z
    .object({
      worktree: z.looseObject({ id: z.string(), path: z.string(), base: z.string() }),
      ...written,
    })
    .partial(),
  annotations: WRITES,
  core: true,
  async run(args, deps: GitDeps, call) {
    const git = await deps.host.open(args.repo);
    return writeInTurn(deps, git, call, async () => {
      const id = await recover(git, deps, call);
      const wanted = await choose(git, args);
      const worktreeId = deps.newId("wt");
      const path = join(
        deps.host.worktrees,
        createHash("sha256").update(git.commonDir).digest("hex").slice(0, 16),
        worktreeId,
      );
      const plan: WorktreePlan = {
        kind: "add_worktree",
        ref: { ref: `refs/heads/${args.branch}`, from: wanted.isNew ? null : wanted.base, to: wanted.base },
        worktreeId,
        path,
        branch: args.branch,
        base: wanted.base,
      };
      const operationId = id ?? deps.newId("op");
      await deps.store.write(call, (tx) =>
        tx.plan({ id: operationId, repo: git.commonDir, plan, at: deps.clock() }, requester(call)),
      );
      try {
        await createWorktree(git, { ...wanted, path }, call.signal);
      } catch (error) {
        await deps.store.write(call, (tx) => tx.settle(operationId, "refused", []));
        throw error;
      }
      const behind = await commitsBehind(git, wanted.base, args.base ?? "HEAD");
      const now = deps.clock();
      const lease: Lease = {
        id: worktreeId,
        repo: git.commonDir,
        path,
        branch: args.branch,
        base: wanted.base,
        taskId: args.task_id ?? null,
        createdAt: now,
        expiresAt: args.ttl_s === undefined ? null : now + args.ttl_s * 1000,
      };
      return deps.store.answer(call, (tx) => {
        tx.settle(operationId, "done", []);
        tx.addLease(lease);
        return {
          worktree: {
            id: worktreeId,
            path,
            branch: args.branch,
            base: wanted.base,
            behind,
            expires_at: lease.expiresAt === null ? null : toIso(lease.expiresAt),
          },
          operation_id: operationId,
          effects: effects([plan.ref], []),
        };
      });
    });
  },
});

/** Clears away what a killed process left under this key and returns its operation's id: the call then starts afresh. */
async function recover(git: GitContext, deps: GitDeps, call: Call): Promise<string | undefined> {
  const pending = await deps.store.read((tx) => tx.pending(requester(call)));
  if (pending?.plan.kind !== "add_worktree") return undefined;
  const { path, branch, base, ref } = pending.plan;
  await discardWorktree(git, { path, branch, base, isNew: ref.from === null });
  return pending.id;
}

/** Decides between a new branch and an existing one. */
async function choose(
  git: GitContext,
  { branch, base }: z.output<typeof input>,
): Promise<Omit<NewWorktree, "path">> {
  const reason = refuseBranchName(branch);
  if (reason !== undefined)
    throw new DomainError("invalid", `this cannot be a branch name: ${reason}`, {
      hint: "use letters, digits, '-', '_' and '/'",
    });
  const existing = await readRef(git, `refs/heads/${branch}`);
  if (existing === null) {
    const clash = clashingBranch(branch, await localBranches(git));
    if (clash !== undefined)
      throw new DomainError("conflict", "the name clashes with an existing branch", {
        hint: "choose another name",
      });
    return { branch, base: await git.resolveCommit(base ?? "HEAD"), isNew: true };
  }
  const holder = (await listWorktrees(git)).find((entry) => entry.branch === branch);
  if (holder !== undefined) {
    throw new DomainError("conflict", `the branch ${branch} is checked out in ${holder.path}`, {
      hint: "work there, remove that worktree, or choose another branch",
    });
  }
  if (base !== undefined && (await git.resolveCommit(base)) !== existing) {
    throw new DomainError("conflict", `the branch ${branch} exists and is not at the given base`, {
      hint: "leave base out to go on with the branch, or choose another name",
    });
  }
  return { branch, base: existing, isNew: false };
}
