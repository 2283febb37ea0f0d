import { expectedDurations, forecast, seededDraw } from "../domain/analysis/forecast.ts";
import type { OpenGraph } from "../domain/analysis/graph.ts";
import { dependentCounts } from "../domain/analysis/reach.ts";
import { criticalPath, levelSizes } from "../domain/analysis/shape.ts";
import type { TaskTx } from "../store/task-store.ts";
import { briefly, shownOf } from "./brief.ts";

/** How many of the latest attempts tell how long work takes. */
const ATTEMPTS = 500;
const MOST_LEVELS = 20;
/** More would be played through for longer than a caller should wait, and hardly change the forecast. */
const MOST_WORKERS = 100;
const MOST_BOTTLENECKS = 5;

/** The whole queue in at most about 1,200 tokens. `graph` is null where it is too large to look at. */
export async function explainQueue(
  tx: TaskTx,
  graph: OpenGraph | null,
  now: number,
): Promise<Record<string, unknown>> {
  const counts = await tx.counts();
  if (graph === null) return { counts, omitted: TOO_LARGE };
  const { tasks } = graph;
  const seen = await tx.attemptSeconds(ATTEMPTS);
  const durations = expectedDurations(graph, seen);
  const ready = tasks
    .filter(({ status }) => status === "ready")
    // Sorting keeps the order of age among equals, as claims do.
    .toSorted((a, b) => a.rank - b.rank);
  const sizes = levelSizes(graph);
  const path = criticalPath(graph, durations);
  const longest = path.places.flatMap((place) => {
    const task = tasks[place];
    return task === undefined ? [] : [{ ...briefly(task), seconds: rounded(durations[place] ?? 0) }];
  });
  const dependents = dependentCounts(graph);
  const bottlenecks = tasks
    .map((task, place) => ({ task, dependents: dependents[place] ?? 0 }))
    .filter(({ dependents: waiting }) => waiting > 0)
    .toSorted((a, b) => b.dependents - a.dependents)
    .slice(0, MOST_BOTTLENECKS)
    .map(({ task, dependents: waiting }) => ({ ...briefly(task), dependents: waiting }));
  return {
    counts,
    ready: shownOf(ready.map(briefly), 250),
    levels: { count: sizes.length, sizes: sizes.slice(0, MOST_LEVELS) },
    critical_path: { seconds: rounded(path.duration), ...shownOf(longest, 400) },
    bottlenecks: shownOf(bottlenecks, 300).tasks,
    ...(await forecastOf(tx, graph, seen, now)),
  };
}

export const TOO_LARGE =
  "more than 20,000 open tasks or 200,000 dependencies between them: the rest is not worked out";

async function forecastOf(
  tx: TaskTx,
  graph: OpenGraph,
  seen: readonly number[],
  now: number,
): Promise<Record<string, unknown>> {
  if (graph.tasks.length === 0) return { forecast_omitted: "nothing is left to do" };
  if (seen.length === 0) return { forecast_omitted: "no attempt has been completed in this queue yet" };
  const workers = Math.min(MOST_WORKERS, Math.max(1, await tx.busyAgents()));
  // The same state of the queue gives the same answer.
  const draw = seededDraw(await tx.lastEvent());
  const { p50, p90 } = forecast(graph, { seen, workers, now, draw });
  return { forecast: { p50_s: rounded(p50), p90_s: rounded(p90), workers, attempts: seen.length } };
}

function rounded(seconds: number): number {
  return Number(seconds.toPrecision(3));
}
