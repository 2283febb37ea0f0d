import type { OpenGraph, OpenTask } from "../domain/analysis/graph.ts";
import { levelsOf } from "../domain/analysis/shape.ts";
import { briefRow } from "./rows.ts";

/** A row of the drawing: a task of a level, and the rows that it waits for. */
interface LevelRow {
  readonly task: OpenTask;
  readonly level: number;
  readonly isFirst: boolean;
  /** Of its whole level. */
  readonly size: number;
  readonly waitsFor: readonly { readonly number: number; readonly id: string }[];
}

/** So many of the rows that a task waits for are named. */
const NAMED = 8;

/** The open work as an indented list, one text for each task; a level begins with a line of its own. */
export function levelLines(graph: OpenGraph): readonly string[] {
  const rows = levelRows(graph);
  const width = String(rows.length).length;
  return rows.map(({ task, level, isFirst, size, waitsFor }, index) => {
    const numbers = waitsFor.map(({ number }) => number).toSorted((a, b) => a - b);
    const more = numbers.length > NAMED ? ` and ${numbers.length - NAMED} more` : "";
    const after = numbers.length === 0 ? "" : `  <- ${numbers.slice(0, NAMED).join(" ")}${more}`;
    const head = isFirst ? `level ${level}: ${size === 1 ? "1 task" : `${size} tasks`}\n` : "";
    return `${head}${String(index + 1).padStart(width + 2)}  ${briefRow(task)}${after}`;
  });
}

/** The same as one JSON object for each task. */
export function levelsJson(graph: OpenGraph): readonly string[] {
  return levelRows(graph).map(({ task: { id, status, title }, level, waitsFor }) =>
    JSON.stringify({ id, status, title, level, depends_on: waitsFor.map((on) => on.id) }),
  );
}

/** Level by level, and in a level in the order of claims: by rank, then the oldest. */
function levelRows(graph: OpenGraph): readonly LevelRow[] {
  const levels = levelsOf(graph);
  const places = graph.tasks
    .map((task, place) => ({ task, place, level: levels[place] ?? 0 }))
    .toSorted((a, b) => a.level - b.level || a.task.rank - b.task.rank);
  const numberOf = new Map(places.map(({ place }, index) => [place, index + 1]));
  const sizes = new Map<number, number>();
  for (const { level } of places) sizes.set(level, (sizes.get(level) ?? 0) + 1);
  return places.map(({ task, place, level }, index) => ({
    task,
    level,
    isFirst: places[index - 1]?.level !== level,
    size: sizes.get(level) ?? 0,
    waitsFor: (graph.waitsFor[place] ?? []).map((on) => ({
      number: numberOf.get(on) ?? 0,
      id: graph.tasks[on]?.id ?? "",
    })),
  }));
}
