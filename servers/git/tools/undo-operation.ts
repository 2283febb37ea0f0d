import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { defineTool, DESTROYS } from "../../../kernel/mcp/tool.ts";
import { followersOf, moveRefs } from "../adapters/move-refs.ts";
import { planMoves } from "../adapters/plan-undo.ts";
import { takeSnapshot } from "../adapters/snapshot.ts";
import type { GitDeps } from "../deps.ts";
import type { Operation, Plan } from "../domain/operation.ts";
import { netChanges } from "../domain/undo.ts";
import { effects, keyInput, repoInput, requester, writeInTurn, written } from "./answer.ts";
import { journaled } from "./journal.ts";
import { undoPlace, type PlacePlan } from "./undo-place.ts";

type UndoPlan = Extract<Plan, { kind: "undo" }>;

export const undoOperation = defineTool({
  name: "undo_operation",
  title: "Undo",
  description:
    "Takes back one operation by the operation_id of its answer, or every commit and integration of a task, on all branches at once or not at all. What was committed stays in the worktree as unsaved work. Where others committed on top, a commit that reverts is added. An undo can be undone.",
  input: z.object({
    repo: repoInput,
    operation_id: z.string().optional(),
    task_id: z.string().optional(),
    idempotency_key: keyInput,
  }),
  output: z.object({ undone: z.array(z.string()).describe("Operation ids"), ...written }).partial(),
  annotations: DESTROYS,
  async run({ repo, operation_id, task_id }, deps: GitDeps, call) {
    if ((operation_id === undefined) === (task_id === undefined))
      throw new DomainError("invalid", "name either operation_id or task_id", {
        hint: "answers of writing tools carry operation_id",
      });
    const git = await deps.host.open(repo);
    return writeInTurn(deps, git, call, async () => {
      const pending = await deps.store.read((tx) => tx.pending(requester(call)));
      const id = pending?.id ?? deps.newId("op");
      const operations =
        operation_id === undefined
          ? await ofTask(deps, git, task_id ?? "")
          : [await oneOperation(deps, git, operation_id)];
      const [only] = operations;
      const { plan, refs } =
        only !== undefined && operations.length === 1 && isPlace(only.plan)
          ? await undoPlace(deps, git, call, id, only, only.plan)
          : await undoRefs(deps, git, call, id, operations);
      const undone = operations.map((operation) => operation.id);
      return deps.store.answer(call, (tx) => {
        tx.settle(id, "done", [
          {
            type: "operation.undone",
            subject: id,
            data: { repo: git.commonDir, kind: plan.kind, operations: undone },
          },
        ]);
        tx.markUndone(undone, id);
        return { undone, operation_id: id, effects: effects(refs, []) };
      });
    });
  },
});

/** What is taken back by more than moving refs. */
function isPlace(plan: Plan): plan is PlacePlan {
  return (
    plan.kind === "switch" ||
    plan.kind === "add_worktree" ||
    plan.kind === "remove_worktree" ||
    (plan.kind === "branch" && plan.action === "rename")
  );
}

async function undoRefs(
  deps: GitDeps,
  git: GitContext,
  call: Call,
  id: string,
  operations: readonly Operation[],
) {
  const at = deps.clock();
  const moves = await planMoves(git, operations, at);
  if (moves.length === 0)
    throw new DomainError("invalid_state", "this operation cannot be taken back", {
      hint: "a repository that was made is removed by hand; what was pushed, by pushing again",
    });
  const followers = await followersOf(deps.host, git, moves);
  const plan: UndoPlan = { kind: "undo", of: operations.map((operation) => operation.id), moves };
  for (const { checkout, moves: own } of followers)
    if (own.some(({ files }) => files === "move")) await takeSnapshot(checkout, id, at, deps.host.scratch);
  await journaled(deps, git, call, id, plan, async () => {
    if (await moveRefs(git, moves, followers)) return;
    throw new DomainError("conflict", "a branch was moved by somebody else just now; nothing was changed", {
      hint: "call again",
    });
  });
  return { plan, refs: netChanges(moves) };
}

async function oneOperation(deps: GitDeps, git: GitContext, id: string): Promise<Operation> {
  const operation = await deps.store.read((tx) => tx.operation(id));
  if (operation === undefined || operation.repo !== git.commonDir) {
    throw new DomainError("not_found", "this repository has no such operation", {
      hint: "give the operation_id of an answer",
    });
  }
  if (operation.undoneBy !== null) {
    throw new DomainError("invalid_state", `it was undone by ${operation.undoneBy}`, {
      hint: "undo that one to have it again",
    });
  }
  if (operation.state !== "done") {
    throw new DomainError("invalid_state", "the operation did not come to an end", {
      hint: "there is nothing to take back",
    });
  }
  return operation;
}

/** The commits and integrations of a task, the latest first. Its worktrees stay. */
async function ofTask(deps: GitDeps, git: GitContext, taskId: string): Promise<readonly Operation[]> {
  const all = await deps.store.read((tx) => tx.operationsOfTask(git.commonDir, taskId));
  const operations = all.filter(({ plan }) => plan.kind === "commit" || plan.kind === "merge");
  if (operations.length > 0) return operations;
  throw new DomainError("not_found", "no operation of this task is there to undo", {
    hint: "tasks are known from the worktrees made for them and from Task trailers",
  });
}
