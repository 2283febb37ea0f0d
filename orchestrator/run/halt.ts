import { isDriverAlive } from "./process-life.ts";
import type { Driver, RunStore } from "./run-store.ts";

export interface HaltOptions {
  readonly sleep: (ms: number) => Promise<void>;
  /** How often the driver is looked at, a tenth of a second apart, before it counts as stuck. */
  readonly looks: number;
  /** Called once when it takes longer than a second. */
  readonly onWait: (driver: Driver) => void;
}

/** How often a second a driver is looked at. */
export const LOOKS_PER_SECOND = 10;

/**
 * Asks the process that drives a run to stop at its next safe point, like Ctrl-C does, and waits until it has.
 * Returns the process that has not stopped in time; null where none is left, or none was there.
 */
export async function haltDriver(
  store: RunStore,
  runId: string,
  { sleep, looks, onWait }: HaltOptions,
): Promise<Driver | null> {
  const driver = await store.driverOf(runId);
  if (driver === undefined || !isDriverAlive(driver)) return null;
  process.kill(driver.pid, "SIGINT");
  for (let look = 1; look <= looks; look += 1) {
    await sleep(1_000 / LOOKS_PER_SECOND);
    if (!isDriverAlive(driver)) return null;
    if (look === LOOKS_PER_SECOND) onWait(driver);
  }
  return driver;
}
