import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { findCycle } from "../../../kernel/graph.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { estimateTokens, HARD_MAX_TOKENS } from "../../../kernel/tokens.ts";
import {
  dependencyOrder,
  findProblem,
  ID_PREFIX,
  mergeDependencies,
  type BatchItem,
} from "../domain/batch.ts";
import { MOST } from "../domain/budget.ts";
import { newTask } from "../domain/new-task.ts";
import type { TaskSpec, TaskStatus } from "../domain/task.ts";
import type { TasksDeps } from "../deps.ts";
import type { TaskTx } from "../store/task-store.ts";
import { acceptanceInput, toAcceptance } from "./acceptance-input.ts";
import { budgetInput } from "./budget-input.ts";
import { dependencyInput, toDependency } from "./dependency-input.ts";
import { agentInput, idempotencyKey, mustFind, refuseLarge } from "./answer.ts";
import { amount, boundedList, closed, list, orElse, text, whole } from "../../../kernel/mcp/input.ts";

const newTaskInput = closed({
  ref: text(100, 1).optional().describe("for depends_on"),
  title: text(500, 1),
  description: orElse(text(50_000), () => ""),
  type: orElse(text(50), () => "task"),
  priority: whole(1, 10).optional().describe("1 to 10, the most urgent; 5"),
  depends_on: list(z.unknown().pipe(dependencyInput), 500).describe(
    "ids or refs, or {task, on: success|finish}",
  ),
  capabilities: list(text(100), 50),
  paths: list(text(500), 200).describe("globs reserved while it runs"),
  complexity: amount(0, 1).optional(),
  estimate_s: amount(0, MOST.wall_s).optional(),
  max_attempts: orElse(whole(1, 100), () => 4),
  budget: orElse(z.unknown().pipe(budgetInput), () => ({})).describe("{tokens, usd, wall_s}"),
  acceptance: list(acceptanceInput, 50),
  context: z.json().optional(),
  tools: list(text(100), 100),
  milestone: text(100).optional(),
  parent: text(100).optional(),
  assignee: agentInput.optional(),
  not_before: z.iso.datetime({ offset: true }).optional(),
});

/** Leaves room for what is around the list. */
const LARGEST_ANSWER = HARD_MAX_TOKENS - 100;

export const addTasks = defineTool({
  name: "add_tasks",
  title: "Add tasks",
  description:
    "Adds tasks with their dependencies, all or none: a cycle or an unknown reference adds nothing.",
  input: z.object({ tasks: boundedList(newTaskInput, 500, 1), idempotency_key: idempotencyKey }),
  output: z.object({ tasks: z.array(z.looseObject({})) }),
  annotations: WRITES,
  core: true,
  run({ tasks }, { store, clock, newId }: TasksDeps, call) {
    const now = clock();
    const items = tasks.map((task): BatchItem => ({
      ref: task.ref ?? null,
      dependsOn: mergeDependencies(task.depends_on.map(toDependency)),
    }));
    refuseImpossible(items);
    for (const { context } of tasks) refuseLarge("context", context);
    refuseCircleOfParents(tasks);
    const ids = tasks.map(() => newId("tsk"));
    const idOfRef = new Map(
      items.flatMap((item, place) => (item.ref === null ? [] : [[item.ref, ids[place] ?? ""] as const])),
    );
    return store.answer(call, async (tx) => {
      // What exists is looked up once, however many tasks wait for it.
      const statuses = new Map<string, TaskStatus>();
      const parentOf = async (parent: string | undefined): Promise<string | null> =>
        parent === undefined ? null : (idOfRef.get(parent) ?? (await mustFind(tx, parent)).id);
      for (const place of dependencyOrder(items)) {
        const spec = tasks[place];
        const id = ids[place];
        if (spec === undefined || id === undefined) continue;
        const edges = [];
        for (const { task, on } of items[place]?.dependsOn ?? []) {
          const onId = idOfRef.get(task) ?? task;
          const status = statuses.get(onId) ?? (await mustFind(tx, onId)).status;
          statuses.set(onId, status);
          edges.push({ task: onId, on, status });
        }
        const parent = await parentOf(spec.parent);
        const priority = spec.priority ?? (await usualPriority(tx, spec.milestone));
        const task = newTask(specOf(spec, priority, parent), id, edges, now);
        await tx.add(task, edges);
        tx.emit("task.added", id, { ref: task.ref, title: task.title, status: task.status });
        if (task.status === "ready") tx.emit("task.ready", id, {});
        statuses.set(id, task.status);
      }
      const added = ids.map((id, place) => ({
        ...(items[place]?.ref == null ? {} : { ref: items[place].ref }),
        id,
        status: statuses.get(id) ?? "",
      }));
      // The order is that of the call, so refs are the first to go where the answer would be too large for a host.
      return {
        tasks:
          estimateTokens(JSON.stringify(added)) < LARGEST_ANSWER
            ? added
            : added.map(({ id, status }) => ({ id, status })),
      };
    });
  },
});

function refuseImpossible(items: readonly BatchItem[]): void {
  const problem = findProblem(items);
  switch (problem?.kind) {
    case undefined:
      return;
    case "ref_like_id":
      throw new DomainError("invalid", `ref "${problem.ref}" looks like the id of a task`, {
        hint: `choose a ref that does not begin with "${ID_PREFIX}"`,
      });
    case "duplicate_ref":
      throw new DomainError("invalid", `ref "${problem.ref}" is used twice`, {
        hint: "give every task of one call its own ref",
      });
    case "cycle":
      throw new DomainError(
        "invalid",
        `the tasks depend on each other in a circle: ${problem.path.slice(0, 20).join(" -> ")}`,
        {
          hint: "drop one of these dependencies; nothing was added",
        },
      );
  }
}

function refuseCircleOfParents(
  tasks: readonly { readonly ref?: string | undefined; readonly parent?: string | undefined }[],
): void {
  const circle = findCycle(
    new Map(
      tasks.flatMap(({ ref, parent }) =>
        ref === undefined || parent === undefined ? [] : [[ref, [parent]] as const],
      ),
    ),
  );
  if (circle !== null) {
    throw new DomainError(
      "invalid",
      `the tasks are parts of each other: ${circle.slice(0, 20).join(" -> ")}`,
      {
        hint: "drop one of these parents; nothing was added",
      },
    );
  }
}

/** What a task gets that names no priority: its milestone's, else the middle. */
async function usualPriority(tx: TaskTx, milestone: string | undefined): Promise<number> {
  const found = milestone === undefined ? undefined : await tx.findMilestone(milestone);
  return found?.priority ?? 5;
}

function specOf(spec: z.output<typeof newTaskInput>, priority: number, parent: string | null): TaskSpec {
  const { tokens, usd, wall_s } = spec.budget;
  return {
    ref: spec.ref ?? null,
    title: spec.title,
    description: spec.description,
    type: spec.type,
    priority,
    maxAttempts: spec.max_attempts,
    capabilities: spec.capabilities,
    paths: spec.paths,
    complexity: spec.complexity ?? null,
    estimateS: spec.estimate_s ?? null,
    budget: { tokens, usd, wall_s },
    acceptance: spec.acceptance.map(toAcceptance),
    context: spec.context ?? null,
    tools: spec.tools,
    milestone: spec.milestone ?? null,
    parent,
    assignee: spec.assignee ?? null,
    notBefore: spec.not_before === undefined ? null : Date.parse(spec.not_before),
  };
}
