/** Milliseconds since the Unix epoch. Passed in everywhere, so that tests decide what time it is. */
export type Clock = () => number;

export const systemClock: Clock = () => Date.now();

/** ISO 8601 in UTC, the only form in which a time leaves a server. */
export function toIso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
