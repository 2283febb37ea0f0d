import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { fitText } from "../../../kernel/tokens.ts";
import { firstGrant } from "../domain/budget.ts";
import { IDLE_MS, whyNoClaim } from "../domain/agent.ts";
import { reservationsOverlap } from "../domain/paths.ts";
import type { Task } from "../domain/task.ts";
import { claimed, endOf, wishOf } from "../domain/attempt.ts";
import type { TasksDeps } from "../deps.ts";
import type { ReadyFilter, TaskEmit, TaskTx } from "../store/task-store.ts";
import { milestonesWithoutBudget, noteReserved } from "../store/budgets.ts";
import { settleDue } from "../store/upkeep.ts";
import { agentInput, idempotencyKey, maxTokensInput, mustFind, SHOWN_ORPHANS, taskDetail } from "./answer.ts";
import { cost, fitFields } from "./fit.ts";
import { noBudget } from "./no-budget.ts";
import { orElse } from "../../../kernel/mcp/input.ts";

// The first few are nearly always enough, and every row of a page is parsed.
const FIRST_PAGE = 4;
const PAGE = 64;

const output = z.object({
  task: z.looseObject({}).nullable(),
  claim: z
    .object({
      token: z.string(),
      expires_at: z.string(),
      attempt: z.int(),
      budget: z.looseObject({}).optional(),
    })
    .optional(),
  why_none: z.string().optional(),
  without_budget: z.array(z.string()).optional(),
});

export const claimTask = defineTool({
  name: "claim_task",
  title: "Claim a task",
  description:
    "Takes the most urgent ready task, with all needed to do it and a token. End it with complete_task or fail_task; every call with the token renews the lease.",
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
        {
          agent,
          taskId: task_id,
          milestone,
          capabilities: known === undefined ? capabilities : [...capabilities, ...known.capabilities],
        },
        now,
      );
      if ("why" in found) {
        const { why, without } = found;
        return {
          task: null,
          why_none: why,
          ...(without.length === 0 ? {} : { without_budget: without.slice(0, 5) }),
        };
      }
      const token = newToken();
      const purses = found.task.milestone === null ? [] : await tx.purses(found.task.milestone);
      const grant = firstGrant(wishOf(found.task, lease_s), purses);
      const expiresAt = endOf(now, grant, now + lease_s * 1_000);
      const task = claimed(
        { ...found.task, workerPrincipal: call.principal.id },
        { agent, token, leaseS: lease_s, since: now, expiresAt, grant, cancelRequested: false },
        now,
      );
      await tx.save(task);
      await noteReserved(tx, task);
      tx.emit("task.claimed", task.id, { agent, attempt: task.attempt });
      const given = {
        token,
        expires_at: toIso(expiresAt),
        attempt: task.attempt,
        ...(Object.keys(grant).length === 0 ? {} : { budget: { ...grant } }),
      };
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

/** So many tasks whose paths are taken are looked at; after them come only tasks that reserve none. */
const MOST_BLOCKED = 64;

/**
 * A task that waited so long for its paths keeps them from whatever comes after it, or others that take a part of them in
 * turn would pass it for ever. The length of a usual lease: until then, whoever holds them may well be done.
 */
const PATIENCE_MS = 15 * 60_000;

async function nextFor(
  tx: TaskTx,
  filter: Omit<ReadyFilter, "without" | "withoutPaths">,
  now: number,
): Promise<{ readonly task: Task } | { readonly why: string; readonly without: readonly string[] }> {
  // Budgets are looked at as tasks come up that draw on them: a store may hold those of many finished runs.
  const without = new Set<string>();
  const affordable = new Set<string>();
  const canAfford = async (milestone: string): Promise<boolean> => {
    if (affordable.has(milestone)) return true;
    if (without.has(milestone)) return false;
    const empty = await milestonesWithoutBudget(tx, milestone);
    if (empty.length === 0) affordable.add(milestone);
    for (const name of empty) without.add(name);
    return empty.length === 0;
  };
  // What running tasks have reserved, and what those passed over wait for.
  let taken: string[] | undefined;
  let hasOthers: boolean | undefined;
  const has = new Set(filter.capabilities);
  const passed = { elsewhere: 0, paths: 0 };
  let last: Task | undefined;
  for (let size = FIRST_PAGE; ; size = PAGE) {
    const withoutPaths = passed.paths >= MOST_BLOCKED;
    const page = await tx.readyPage({ ...filter, without: [...without], withoutPaths }, last, size);
    for (const task of page) {
      last = task;
      if (task.assignee !== null && task.assignee !== filter.agent)
        throw new DomainError("denied", `${task.id} is assigned to somebody else`, {
          hint: "claim another, or update_task changes its assignee",
        });
      if (task.milestone !== null && !(await canAfford(task.milestone))) continue;
      if (!task.capabilities.every((capability) => has.has(capability))) continue;
      if (
        // Who names a task means it.
        filter.taskId === undefined &&
        task.avoid?.agent === filter.agent &&
        task.avoid.until > now &&
        (hasOthers ??= await tx.hasOthers(filter.agent, now - IDLE_MS))
      )
        passed.elsewhere += 1;
      else if (task.paths.length === 0) return { task };
      else {
        taken ??= [...(await tx.reservedPaths())];
        if (!reservationsOverlap(task.paths, taken)) return { task };
        passed.paths += 1;
        if (now - task.createdAt >= PATIENCE_MS) taken.push(...task.paths);
        if (passed.paths === MOST_BLOCKED) break;
      }
    }
    if (page.length === 0 || (page.length < size && last === page.at(-1))) break;
  }
  const kept = [...without];
  return { why: await whyNone(tx, filter, kept, passed), without: kept };
}

async function whyNone(
  tx: TaskTx,
  filter: Omit<ReadyFilter, "without" | "withoutPaths">,
  without: readonly string[],
  { elsewhere, paths }: { readonly elsewhere: number; readonly paths: number },
): Promise<string> {
  const { taskId } = filter;
  const needs = await tx.needing(filter);
  const many = paths >= MOST_BLOCKED ? `${paths} or more` : String(paths);
  const why = [
    ...(needs > 0 ? [`${needs} ready tasks need capabilities you did not name`] : []),
    ...(paths > 0 ? [`${many} wait for paths that running tasks have reserved`] : []),
    ...(elsewhere > 0 ? [`${elsewhere} failed where you work and are kept for others a while`] : []),
  ];
  if (why.length > 0) return why.join(", ");
  if (taskId !== undefined) {
    const { status, milestone } = await mustFind(tx, taskId);
    const isKept = status === "ready" && milestone !== null && without.includes(milestone);
    return isKept ? noBudget([milestone]) : `${taskId} is ${status}`;
  }
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
  if (parts.length === 0) return "every task is finished";
  const spent = without.length === 0 ? [] : [noBudget(without)];
  return [`nothing is ready for you: ${parts.join(", ")}`, ...spent].join("; ");
}

interface DependencyOutput {
  readonly id: string;
  readonly title: string;
  readonly output: unknown;
}

async function outputsOf(tx: TaskTx, task: Task): Promise<readonly DependencyOutput[]> {
  return (await tx.dependencies(task.id))
    .filter((dependency) => dependency.task.output !== null)
    .map(({ task: on }) => ({
      id: on.id,
      title: fitText(on.title, 40).text,
      output: on.output,
    }));
}

function dependencyOutputs(items: readonly DependencyOutput[], budget: number): Record<string, unknown> {
  const room = budget - 30;
  const prices = items.map(cost);
  let taken = 0;
  for (let left = room; taken < items.length; taken += 1) {
    left -= Math.min(prices[taken] ?? 0, LEAST_OUTPUT) + 1;
    if (left < 0) break;
  }
  const share = fairShare(prices.slice(0, taken), room - taken);
  const shown = items.slice(0, taken).map((item) => fitFields({ ...item }, ["output"], share));
  return {
    ...(taken === 0 ? {} : { dependency_outputs: shown }),
    ...(taken === items.length ? {} : { dependency_outputs_count: items.length }),
  };
}

/** The tokens that are worth giving to one output, with what names it. */
const LEAST_OUTPUT = 100;

/** The most that each may cost so that all together fit: what some leave over is for the others. */
function fairShare(prices: readonly number[], room: number): number {
  let left = room;
  for (const [place, price] of prices.toSorted((a, b) => a - b).entries()) {
    const share = Math.floor(left / (prices.length - place));
    if (price > share) return share;
    left -= price;
  }
  return room;
}
