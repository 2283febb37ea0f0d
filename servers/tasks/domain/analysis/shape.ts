import type { OpenGraph } from "./graph.ts";

/** For every place, how many steps it is away from work that waits for nothing, by the longest way. */
export function levelsOf({ tasks, waitsFor, order }: OpenGraph): readonly number[] {
  const levels = tasks.map(() => 0);
  for (const place of order) {
    levels[place] = (waitsFor[place] ?? []).reduce((most, on) => Math.max(most, (levels[on] ?? 0) + 1), 0);
  }
  return levels;
}

/** How many tasks could be done at once, step by step, if every step took the same time. */
export function levelSizes(graph: OpenGraph): readonly number[] {
  const sizes: number[] = [];
  for (const level of levelsOf(graph)) sizes[level] = (sizes[level] ?? 0) + 1;
  return sizes;
}

/** The chain of places that takes longest, first to last, and its length in the unit of `durations`. */
export function criticalPath(
  { tasks, waitsFor, order }: OpenGraph,
  durations: readonly number[],
): { readonly places: readonly number[]; readonly duration: number } {
  const ends = tasks.map(() => 0);
  const before: (number | undefined)[] = tasks.map(() => undefined);
  let last: number | undefined;
  for (const place of order) {
    let latest: number | undefined;
    for (const on of waitsFor[place] ?? []) {
      if (latest === undefined || (ends[on] ?? 0) > (ends[latest] ?? 0)) latest = on;
    }
    before[place] = latest;
    const start = latest === undefined ? 0 : (ends[latest] ?? 0);
    ends[place] = start + (durations[place] ?? 0);
    if (last === undefined || (ends[place] ?? 0) > (ends[last] ?? 0)) last = place;
  }
  const places: number[] = [];
  for (let place = last; place !== undefined; place = before[place]) places.push(place);
  return { places: places.toReversed(), duration: last === undefined ? 0 : (ends[last] ?? 0) };
}
