import type { FailureKind } from "./task.ts";

/** The longest pause before a retry. */
export const MAX_BACKOFF_MS = 5 * 60_000;

/**
 * The pause before the next attempt: 1, 2, 4 … seconds after the first, second, third failure, capped at five
 * minutes, with up to half of it taken off at random so that retries spread. Where a resource was missing each
 * pause is four times as long, for it will hardly be back sooner.
 *
 * @param attempt attempts begun so far, from 1
 * @param jitter 0..1, drawn by the caller
 */
export function backoffMs(attempt: number, jitter: number, kind: FailureKind = "worker"): number {
  const first = kind === "resource" ? 4_000 : 1_000;
  const full = Math.min(MAX_BACKOFF_MS, first * 2 ** Math.max(0, attempt - 1));
  return Math.round(full * (1 - 0.5 * Math.min(1, Math.max(0, jitter))));
}
