import { expectedDurations, forecast, type ForecastBasis } from "../domain/analysis/forecast.ts";
import type { OpenGraph } from "../domain/analysis/graph.ts";
import { dependentCounts } from "../domain/analysis/reach.ts";
import { criticalPath, levelSizes } from "../domain/analysis/shape.ts";
import type { TaskTx } from "../store/task-store.ts";
import { briefly, shownOf } from "./brief.ts";
import { forecastBasis, NOTHING_SEEN } from "./forecast-basis.ts";
import { TOO_LARGE } from "./load-graph.ts";

const MOST_LEVELS = 20;
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
  const basis = await forecastBasis(tx, now);
  const durations = expectedDurations(graph, basis.seen);
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
    ...forecastOf(graph, basis),
  };
}

function forecastOf(graph: OpenGraph, basis: ForecastBasis): Record<string, unknown> {
  if (graph.tasks.length === 0) return { forecast_omitted: "nothing is left to do" };
  if (basis.seen.length === 0) return { forecast_omitted: NOTHING_SEEN };
  const { p50, p90 } = forecast(graph, basis);
  const attempts = basis.seen.length + basis.wasted.length;
  return { forecast: { p50_s: rounded(p50), p90_s: rounded(p90), workers: basis.workers, attempts } };
}

function rounded(seconds: number): number {
  return Number(seconds.toPrecision(3));
}
