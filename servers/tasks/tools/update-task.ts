import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { DESTROYS, defineTool } from "../../../kernel/mcp/tool.ts";
import { isSpent, type Budget } from "../domain/budget.ts";
import { canRedirect, needsBudget, redirected, type Redirection } from "../domain/redirection.ts";
import type { Task } from "../domain/task.ts";
import type { TasksDeps } from "../deps.ts";
import { noteLostClaim, saveAndSettle } from "../store/upkeep.ts";
import { idempotencyKey, mustFind, taskSummary } from "./answer.ts";
import { budgetInput } from "./budget-input.ts";
import { dependencyInput, toDependency } from "./dependency-input.ts";
import { closed, list, text, whole } from "../../../kernel/mcp/input.ts";
import { rewire } from "./rewire.ts";

export const updateTask = defineTool({
  name: "update_task",
  title: "Update a task",
  description:
    "Changes a task, its dependencies or its state: cancelled, paused, or ready to queue it again. The holder of a cancelled task is asked to stop first.",
  input: z.object({
    id: z.string(),
    if_version: z.int().optional(),
    changes: closed({
      priority: whole(1, 10).optional(),
      title: text(500, 1).optional(),
      description: text(50_000).optional(),
      assignee: text(100).nullable().optional(),
      max_attempts: whole(1, 100).optional(),
      budget: z.unknown().pipe(budgetInput).optional(),
      add_dependencies: list(z.unknown().pipe(dependencyInput), 500).describe("as depends_on"),
      remove_dependencies: list(text(100), 500),
      status: z.enum(["cancelled", "paused", "ready"]).optional(),
    }),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({ task: z.looseObject({}) }),
  annotations: DESTROYS,
  run(
    { id, if_version, changes: { status, add_dependencies, remove_dependencies, ...changes } },
    { store, clock }: TasksDeps,
    call,
  ) {
    return store.answer(call, async (tx) => {
      const now = clock();
      const task = await mustFind(tx, id);
      if (if_version !== undefined && if_version !== task.version) {
        throw new DomainError("conflict", `${id} is at version ${task.version}, not ${if_version}`, {
          hint: "get_task, then change it again",
        });
      }
      const rewiring = add_dependencies.length + remove_dependencies.length > 0;
      const linked = rewiring
        ? await rewire(tx, task, add_dependencies.map(toDependency), remove_dependencies, now)
        : task;
      const edited: Task = {
        ...linked,
        priority: changes.priority ?? task.priority,
        title: changes.title ?? task.title,
        description: changes.description ?? task.description,
        assignee: changes.assignee === undefined ? task.assignee : changes.assignee,
        maxAttempts: changes.max_attempts ?? task.maxAttempts,
        budget: budgetAfter(task, changes.budget),
        version: task.version + 1,
        updatedAt: now,
      };
      const next = status === undefined ? edited : moveTo(edited, status, now);
      tx.emit("task.updated", id, {
        changed: [...Object.keys(changes), ...(rewiring ? ["dependencies"] : [])],
        status: next.status,
        cancel_requested: next.claim?.cancelRequested === true ? true : undefined,
      });
      if (task.claim !== null && next.claim === null) {
        await noteLostClaim(tx, task);
        tx.emit("task.released", id, { agent: task.claim.agent, attempt: task.attempt, status: next.status });
      }
      await saveAndSettle(tx, task, next, now);
      return { task: { ...taskSummary(next), version: next.version } };
    });
  },
});

/** @throws {DomainError} invalid where less is allowed than was spent. */
function budgetAfter(task: Task, wanted: Budget | undefined): Budget {
  if (wanted === undefined) return task.budget;
  const { tokens, usd, wall_s } = wanted;
  const was = task.budget;
  const budget = { tokens: tokens ?? was.tokens, usd: usd ?? was.usd, wall_s: wall_s ?? was.wall_s };
  if (isSpent(budget, task.spent)) {
    const { spent } = task;
    throw new DomainError(
      "invalid",
      `${task.id} has already spent ${spent.tokens} tokens, ${spent.usd} usd and ${spent.wall_s} s`,
      { hint: "give a budget above that, or cancel the task" },
    );
  }
  return budget;
}

function moveTo(task: Task, status: Redirection, now: number): Task {
  if (task.status === status) return task;
  if (!canRedirect(task, status)) {
    throw new DomainError("invalid_state", `a task that is ${task.status} cannot become ${status}`, {
      hint: needsBudget(task)
        ? "its budget is spent: raise changes.budget in the same call"
        : task.status === "blocked"
          ? "get_task with include dependencies shows what it waits for"
          : "get_task shows where it stands",
    });
  }
  return redirected(task, status, now);
}
