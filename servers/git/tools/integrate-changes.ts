import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { defineTool, DESTROYS } from "../../../kernel/mcp/tool.ts";
import { findMergeOf, isAncestor, readRef } from "../adapters/refs.ts";
import type { GitDeps } from "../deps.ts";
import { refuseMessage } from "../domain/message.ts";
import { effects, keyInput, repoInput, requester, writeInTurn, written } from "./answer.ts";
import { land, moved, resume, type Landed } from "./land-integration.ts";
import { operationInput } from "./preview-integration.ts";

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
