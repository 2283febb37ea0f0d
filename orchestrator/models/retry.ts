import { setTimeout as pause } from "node:timers/promises";

/** Sleeps for a number of milliseconds; rejects when the signal aborts. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

export const systemSleep: Sleep = (ms, signal) => pause(ms, undefined, { signal });

export interface RetryPolicy {
  /** All attempts, the first included. */
  readonly attempts: number;
  readonly baseMs: number;
  readonly capMs: number;
  /** An endpoint that asks for a longer pause than this ends the retrying. */
  readonly longestPauseMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 6,
  baseMs: 500,
  capMs: 30_000,
  longestPauseMs: 120_000,
};

/** What an error says about trying again; null means it is final. */
export type Retryable = (error: unknown) => { readonly retryAfterMs: number | null } | null;

/**
 * The pause before attempt `next` (2 is the first retry), in ms. Full jitter: uniform between 0 and the capped
 * exponential. A pause the endpoint asked for is a floor, with the jitter on top, so that waiting clients spread.
 *
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
 */
export function pauseMs(
  next: number,
  retryAfterMs: number | null,
  policy: RetryPolicy,
  random: () => number,
): number {
  const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** (next - 2));
  return Math.round((retryAfterMs ?? 0) + random() * ceiling);
}

/**
 * Calls `operation` until it succeeds, its error is final, or the attempts are used up; the last error is thrown.
 * This is the only retry layer: the client below it must have its own switched off.
 */
export async function withRetry<T>(
  operation: () => Promise<T>,
  options: {
    readonly policy: RetryPolicy;
    readonly retryable: Retryable;
    readonly random: () => number;
    readonly sleep: Sleep;
    readonly signal: AbortSignal;
    readonly onRetry: (error: unknown, waitMs: number) => void;
  },
): Promise<T> {
  const { policy, retryable, random, sleep, signal, onRetry } = options;
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      const again = signal.aborted || attempt >= policy.attempts ? null : retryable(error);
      if (again === null || (again.retryAfterMs ?? 0) > policy.longestPauseMs) throw error;
      const waitMs = pauseMs(attempt + 1, again.retryAfterMs, policy, random);
      onRetry(error, waitMs);
      await sleep(waitMs, signal);
    }
  }
}
