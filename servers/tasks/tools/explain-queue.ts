import { expectedDurations, forecast, type ForecastBasis } from "../domain/analysis/forecast.ts";
import type { OpenGraph } from "../domain/analysis/graph.ts";
import { dependentCounts } from "../domain/analysis/reach.ts";
import { criticalPath, levelSizes } from "../domain/analysis/shape.ts";
import type { TaskTx } from "../store/task-store.ts";
import { briefly, MOST_SHOWN, shownOf } from "./brief.ts";
import { dropFields, fitList } from "./fit.ts";
import { forecastBasis, NOTHING_SEEN } from "./forecast-basis.ts";
import { isLarge, loadGraph, SAMPLED, TOO_LARGE } from "./load-graph.ts";

const MOST_LEVELS = 20;
const MOST_BOTTLENECKS = 5;

/** The whole queue: what is ready, how the rest hangs together, and how long it may take. */
export async function explainQueue(
  tx: TaskTx,
  now: number,
  maxTokens: number,
): Promise<Record<string, unknown>> {
  const counts = await tx.counts();
  const part = (tokens: number): number => (tokens * maxTokens) / USUAL_TOKENS;
  const ready = {
    count: counts.ready ?? 0,
    tasks: fitList((await tx.readyFirst(MOST_SHOWN)).map(briefly), part(250)),
  };
  const graph = await loadGraph(tx);
  if (graph === null) return dropFields({ counts, ready, omitted: TOO_LARGE }, ["ready"], maxTokens);
  const { tasks } = graph;
  const basis = await forecastBasis(tx, now);
  const durations = expectedDurations(graph, basis.seen);
  const sizes = levelSizes(graph);
  const path = criticalPath(graph, durations);
  const chain = shownOf(path.places, part(400), (place) => ({
    ...briefly(tasks[place] ?? { id: "", title: "" }),
    seconds: rounded(durations[place] ?? 0),
  }));
  const explained = {
    counts,
    ready,
    levels: { count: sizes.length, sizes: sizes.slice(0, MOST_LEVELS) },
    critical_path: { seconds: rounded(path.duration), ...chain },
    ...(isLarge(graph)
      ? { omitted: SAMPLED }
      : { bottlenecks: shownOf(bottlenecksOf(graph), part(300), (task) => task).tasks }),
    ...forecastOf(graph, basis),
  };
  return dropFields(explained, ["bottlenecks", "levels", "critical_path", "ready", "omitted"], maxTokens);
}

/** What the parts of an answer are measured for. */
const USUAL_TOKENS = 1_500;

function bottlenecksOf(graph: OpenGraph): readonly Record<string, unknown>[] {
  const dependents = dependentCounts(graph);
  return graph.tasks
    .map((task, place) => ({ task, dependents: dependents[place] ?? 0 }))
    .filter(({ dependents: waiting }) => waiting > 0)
    .toSorted((a, b) => b.dependents - a.dependents)
    .slice(0, MOST_BOTTLENECKS)
    .map(({ task, dependents: waiting }) => ({ ...briefly(task), dependents: waiting }));
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
