import type { OpenGraph } from "./graph.ts";
import { heap } from "./heap.ts";

/** What happens at a time: a place's work ends, or its time has come. */
interface Moment {
  readonly at: number;
  readonly place: number;
  readonly ends: boolean;
}

/**
 * Plays the work of a graph through once as the queue gives it out, and returns when each place ends, in seconds from
 * now. A free worker takes the ready task of the smallest rank; what is running already goes on first.
 *
 * @param workers at least 1
 * @param now epoch milliseconds
 */
export function playThrough(
  { tasks, waitsFor, blocks }: OpenGraph,
  workers: number,
  now: number,
  durationOf: (place: number) => number,
): readonly number[] {
  const open = waitsFor.map((on) => on.length);
  const ends = tasks.map(() => 0);
  const keys = tasks.map(({ status, rank }) => (status === "running" ? Number.NEGATIVE_INFINITY : rank));
  const keyOf = (place: number): number => keys[place] ?? 0;
  const ready = heap<number>((a, b) => keyOf(a) < keyOf(b) || (keyOf(a) === keyOf(b) && a < b));
  const moments = heap<Moment>((a, b) => a.at < b.at);
  const arrive = (place: number, at: number): void => {
    const notBefore = tasks[place]?.notBefore ?? null;
    const due = notBefore === null ? 0 : (notBefore - now) / 1_000;
    if (due > at) moments.push({ at: due, place, ends: false });
    else ready.push(place);
  };
  open.forEach((count, place) => {
    if (count === 0) arrive(place, 0);
  });
  let free = workers;
  for (let at = 0; ;) {
    while (free > 0) {
      const place = ready.pop();
      if (place === undefined) break;
      free -= 1;
      ends[place] = at + durationOf(place);
      moments.push({ at: ends[place], place, ends: true });
    }
    const next = moments.pop();
    if (next === undefined) return ends;
    at = next.at;
    if (!next.ends) ready.push(next.place);
    else {
      free += 1;
      for (const dependent of blocks[next.place] ?? []) {
        const count = (open[dependent] ?? 0) - 1;
        open[dependent] = count;
        if (count === 0) arrive(dependent, at);
      }
    }
  }
}
