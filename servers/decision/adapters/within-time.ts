import { Script } from "node:vm";

const CALL = new Script("work()");

/**
 * What `work` gives, or null where it throws or takes longer than `ms`: for readers whose time a hostile text can make
 * grow with its square. The whole thread stands still for that long at most.
 */
export function withinTime<T>(ms: number, work: () => T): T | null {
  let result: T | null = null;
  const run = (): void => {
    result = work();
  };
  try {
    CALL.runInNewContext({ work: run }, { timeout: ms });
  } catch {
    return null;
  }
  return result;
}
