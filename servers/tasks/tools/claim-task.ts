import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { fitText } from "../../../kernel/tokens.ts";
import { whyNoClaim } from "../domain/agent.ts";
import { reservationsOverlap } from "../domain/paths.ts";
import type { Task } from "../domain/task.ts";
import { claimed } from "../domain/transitions.ts";
import type { TasksDeps } from "../deps.ts";
import type { ReadyFilter, TaskEmit, TaskTx } from "../store/task-store.ts";
import { settleDue } from "../store/upkeep.ts";
import { agentInput, idempotencyKey, maxTokensInput, mustFind, SHOWN_ORPHANS, taskDetail } from "./answer.ts";
import { cost, fitList } from "./fit.ts";
import { orElse } from "./input.ts";

const PAGE = 64;

const output = z.object({
  task: z.looseObject({}).nullable(),
  claim: z.object({ token: z.string(), expires_at: z.string(), attempt: z.int() }).optional(),
  why_none: z.string().optional(),
});

export const claimTask = defineTool({
  name: "claim_task",
  title: "Claim a task",
  description:
    "Takes the most urgent ready task, with all that is needed to do it and a claim token. Finish with complete_task or fail_task before the lease ends; every call with the token renews it.",
  input: z.object({
    agent: agentInput.describe("your stable name"),
    capabilities: orElse(z.array(z.string()), () => []),
    lease_s: z.int().min(10).max(86_400).default(900),
    task_id: z.string().optional(),
    milestone: z.string().optional(),
    max_tokens: maxTokensInput,
    idempotency_key: idempotencyKey,
  }),
  output,
  annotations: WRITES,
  core: true,
  alwaysLoad: true,
  run(
    { agent, capabilities, lease_s, task_id, milestone, max_tokens },
    { store, clock, newToken }: TasksDeps,
    call,
  ) {
    const claim = async (tx: TaskTx & { readonly emit: TaskEmit }): Promise<ClaimAnswer> => {
      const now = clock();
      await settleDue(tx, now);
      const known = await tx.findAgent(agent);
      if (known !== undefined) {
        await tx.noteCall(agent, now);
        const why = whyNoClaim(known, await tx.loadOf(agent));
        if (why !== null) return { task: null, why_none: why };
      }
      const found = await nextFor(
        tx,
        { agent, taskId: task_id, milestone },
        known === undefined ? capabilities : [...capabilities, ...known.capabilities],
      );
      if ("why" in found) return { task: null, why_none: found.why };
      const token = newToken();
      const task = claimed(
        found.task,
        { agent, token, leaseS: lease_s, expiresAt: now + lease_s * 1_000, cancelRequested: false },
        now,
      );
      await tx.save(task);
      tx.emit("task.claimed", task.id, { agent, attempt: task.attempt });
      const given = { token, expires_at: toIso(now + lease_s * 1_000), attempt: task.attempt };
      const left = max_tokens - cost(given) - 10;
      const dependencies = await outputsOf(tx, task);
      // The task itself comes first; a small part is kept for what its dependencies have to tell.
      const detail = taskDetail(
        task,
        left - (dependencies.length === 0 ? 0 : Math.min(300, Math.floor(left / 6))),
        await tx.orphans(task.id, SHOWN_ORPHANS),
      );
      return { task: { ...detail, ...dependencyOutputs(dependencies, left - cost(detail)) }, claim: given };
    };
    return store.answer(call, claim, (answer) => answer.task !== null);
  },
});

type ClaimAnswer = z.input<typeof output>;

async function nextFor(
  tx: TaskTx,
  filter: ReadyFilter,
  capabilities: readonly string[],
): Promise<{ readonly task: Task } | { readonly why: string }> {
  let reserved: readonly string[] | undefined;
  const has = new Set(capabilities);
  let needs = 0;
  let busyPaths = 0;
  let last: Task | undefined;
  for (;;) {
    const page = await tx.readyPage(filter, last, PAGE);
    for (const task of page) {
      if (task.assignee !== null && task.assignee !== filter.agent)
        throw new DomainError("denied", `${task.id} is assigned to somebody else`);
      if (!task.capabilities.every((capability) => has.has(capability))) needs += 1;
      else if (task.paths.length === 0) return { task };
      else {
        reserved ??= await tx.reservedPaths();
        if (!reservationsOverlap(task.paths, reserved)) return { task };
        busyPaths += 1;
      }
    }
    last = page.at(-1);
    if (page.length < PAGE) break;
  }
  return { why: await whyNone(tx, filter, needs, busyPaths) };
}

async function whyNone(
  tx: TaskTx,
  { taskId }: ReadyFilter,
  needs: number,
  busyPaths: number,
): Promise<string> {
  if (needs > 0 || busyPaths > 0) {
    return `${needs} ready tasks need capabilities you did not name, ${busyPaths} wait for paths that running tasks have reserved`;
  }
  if (taskId !== undefined) return `${taskId} is ${(await mustFind(tx, taskId)).status}`;
  const counts = await tx.counts();
  const open = [
    "blocked",
    "scheduled",
    "ready",
    "running",
    "paused",
    "needs_review",
    "needs_decision",
  ] as const;
  const parts = open.flatMap((status) =>
    counts[status] === undefined ? [] : [`${counts[status]} ${status}`],
  );
  return parts.length === 0 ? "every task is finished" : `nothing is ready for you: ${parts.join(", ")}`;
}

interface DependencyOutput {
  readonly id: string;
  readonly title: string;
  readonly output: string;
}

async function outputsOf(tx: TaskTx, task: Task): Promise<readonly DependencyOutput[]> {
  return (await tx.dependencies(task.id))
    .filter((dependency) => dependency.task.output !== null)
    .map(({ task: on }) => ({
      id: on.id,
      title: fitText(on.title, 40).text,
      output: fitText(JSON.stringify(on.output), 200).text,
    }));
}

function dependencyOutputs(items: readonly DependencyOutput[], budget: number): Record<string, unknown> {
  const taken = fitList(items, budget - 30);
  return {
    ...(taken.length === 0 ? {} : { dependency_outputs: taken }),
    ...(taken.length === items.length ? {} : { dependency_outputs_count: items.length }),
  };
}
