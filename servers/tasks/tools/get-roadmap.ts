import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { playThroughs, quantile } from "../domain/analysis/forecast.ts";
import type { Purse } from "../domain/budget.ts";
import type { Milestone } from "../domain/milestone.ts";
import { countsIn, inRoadOrder, progressOf, subtreesOf, supposed, type Subtrees } from "../domain/roadmap.ts";
import type { TasksDeps } from "../deps.ts";
import type { TaskTx } from "../store/task-store.ts";
import { settleBeforeReading } from "../store/upkeep.ts";
import { maxTokensInput, mustFind } from "./answer.ts";
import { cost, fitList } from "./fit.ts";
import { forecastBasis, NOTHING_SEEN } from "./forecast-basis.ts";
import { closed, list, orElse, text, whole } from "../../../kernel/mcp/input.ts";
import { loadGraph, TOO_LARGE } from "./load-graph.ts";
import { milestoneAnswer } from "./milestone-answer.ts";

const whatIf = closed({
  workers: whole(1, 1_000_000).optional(),
  drop: list(text(100), 200),
  first: text(100).optional(),
});

export const getRoadmap = defineTool({
  name: "get_roadmap",
  title: "Get the roadmap",
  description:
    "Shows milestones by due date with progress, spending and forecast. what_if supposes and writes nothing.",
  input: z.object({
    milestone: z.string().optional(),
    what_if: z
      .unknown()
      .pipe(whatIf)
      .optional()
      .describe("{workers, drop: ids or milestones, first: milestone}"),
    limit: orElse(whole(1, 500), () => 100),
    cursor: z.string().optional(),
    max_tokens: maxTokensInput,
  }),
  output: z.looseObject({ milestones: z.array(z.looseObject({})) }),
  annotations: READS,
  async run({ milestone, what_if, limit, cursor, max_tokens }, { store, clock }: TasksDeps, call) {
    const now = clock();
    await settleBeforeReading(store, call, now);
    return store.read(async (tx) => {
      const all = await tx.milestones();
      const subtrees = subtreesOf(all);
      const wanted = milestone === undefined ? undefined : mustKnow(subtrees, milestone);
      const ordered = inRoadOrder(all.filter(({ name }) => wanted?.has(name) ?? true));
      const rest = ordered.slice(placeAfter(ordered, cursor));
      const page = rest.slice(0, limit);
      await refuseUnknown(tx, subtrees, what_if);
      const { ends, omitted } = await endsOf(tx, page, subtrees, what_if, now);
      const counted = await tx.milestoneCounts();
      const purses = new Map((await tx.pursesOf(page)).map((purse) => [purse.milestone, purse]));
      const shown = page.map((one, place) => {
        const counts = countsIn(subtrees.get(one.name) ?? new Set(), counted);
        return milestoneAnswer(one, {
          progress: progressOf(counts),
          tasks: counts,
          ...spentAnswer(purses.get(one.name)),
          ...forecastAnswer(ends?.[place], one.due, now),
        });
      });
      const note = omitted === null ? {} : { forecast_omitted: omitted };
      // The first goes out whatever it costs, or a reader with a small budget would never get past it.
      const taken = shown.slice(0, Math.max(1, fitList(shown, max_tokens - ROOM - cost(note)).length));
      const last = page[taken.length - 1];
      return {
        milestones: taken,
        ...(taken.length === rest.length || last === undefined ? {} : { next_cursor: last.name }),
        ...note,
      };
    });
  },
});

/** What stands around the milestones; a name may be long. */
const ROOM = 90;

/**
 * Where the page after a cursor begins.
 *
 * @throws {DomainError} invalid
 */
function placeAfter(ordered: readonly Milestone[], cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const place = ordered.findIndex(({ name }) => name === cursor);
  if (place === -1) {
    throw new DomainError("invalid", "cursor is not one that get_roadmap gave", {
      hint: "leave cursor out to begin again",
    });
  }
  return place + 1;
}

/** @throws {DomainError} not_found */
function mustKnow(subtrees: Subtrees, name: string): ReadonlySet<string> {
  const names = subtrees.get(name);
  if (names === undefined) {
    throw new DomainError("not_found", `there is no milestone ${name}`, {
      hint: "get_roadmap without milestone shows all",
    });
  }
  return names;
}

type WhatIf = z.output<typeof whatIf> | undefined;

async function refuseUnknown(tx: TaskTx, subtrees: Subtrees, what: WhatIf): Promise<void> {
  if (what?.first !== undefined) mustKnow(subtrees, what.first);
  for (const name of what?.drop ?? []) if (!subtrees.has(name)) await mustFind(tx, name);
}

/** When the open work of each milestone ends in each simulation, in seconds; null where nothing can be said. */
async function endsOf(
  tx: TaskTx,
  page: readonly Milestone[],
  subtrees: Subtrees,
  what: WhatIf,
  now: number,
): Promise<{ readonly ends: readonly (readonly number[])[] | null; readonly omitted: string | null }> {
  const supposition = { drop: what?.drop ?? [], first: what?.first };
  const graph = await loadGraph(tx, (tasks) => supposed(tasks, supposition, subtrees));
  if (graph === null) return { ends: null, omitted: TOO_LARGE };
  const basis = await forecastBasis(tx, now, what?.workers);
  if (basis.seen.length === 0) return { ends: null, omitted: NOTHING_SEEN };
  const groups = page.map(({ name }) => {
    const names = subtrees.get(name);
    return graph.tasks.flatMap((task, place) =>
      task.milestone !== null && names?.has(task.milestone) === true ? [place] : [],
    );
  });
  return { ends: playThroughs(graph, basis, groups), omitted: null };
}

/** The last day that every reader of ISO 8601 knows; later work is said to end on it. */
const LAST_DAY = Date.UTC(9999, 11, 31);

function forecastAnswer(
  ends: readonly number[] | undefined,
  due: number | null,
  now: number,
): Record<string, unknown> {
  if (ends === undefined || ends.every((end) => end === 0)) return {};
  const at = (share: number): string =>
    toIso(Math.min(LAST_DAY, Math.round(now + (quantile(ends, share) ?? 0) * 1_000)));
  const inTime = due === null ? null : ends.filter((end) => now + end * 1_000 <= due).length / ends.length;
  return {
    forecast: { p50: at(0.5), p90: at(0.9) },
    ...(inTime === null ? {} : { in_time: Number(inTime.toFixed(2)) }),
  };
}

function spentAnswer(purse: Purse | undefined): Record<string, unknown> {
  return purse === undefined ? {} : { spent: purse.spent, reserved: purse.held };
}
