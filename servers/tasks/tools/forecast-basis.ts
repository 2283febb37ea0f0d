import { seededDraw, type ForecastBasis } from "../domain/analysis/forecast.ts";
import type { TaskTx } from "../store/task-store.ts";

/** How many of the latest attempts tell how long work takes. */
const ATTEMPTS = 500;
/** More would be played through for longer than a caller should wait, and hardly change the forecast. */
const MOST_WORKERS = 100;

/** What this queue's own attempts say about the work to come; as many work on as do now, unless told otherwise. */
export async function forecastBasis(tx: TaskTx, now: number, workers?: number): Promise<ForecastBasis> {
  const attempts = await tx.attempts(ATTEMPTS);
  const secondsOf = (isDone: boolean): readonly number[] =>
    attempts.filter((attempt) => attempt.isDone === isDone).map(({ seconds }) => seconds);
  return {
    seen: secondsOf(true),
    wasted: secondsOf(false),
    workers: Math.min(MOST_WORKERS, Math.max(1, workers ?? (await tx.busyAgents()))),
    now,
    // The same state of the queue gives the same answer.
    draw: seededDraw(await tx.lastEvent()),
  };
}

export const NOTHING_SEEN = "no attempt has been completed in this queue yet";
