// Longer timers wrap around to 1 ms.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A signal that aborts when a job's time is over; null where it has no limit. */
export function wallClock(seconds: number | undefined): AbortSignal | null {
  if (seconds === undefined) return null;
  return AbortSignal.timeout(Math.max(0, Math.min(LONGEST_TIMER_MS, Math.ceil(seconds * 1000))));
}
