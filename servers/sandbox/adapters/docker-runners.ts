import type Docker from "dockerode";
import { startRunner, type Runner } from "./docker-runner.ts";

/** The runners of one server's containers. */
export interface Runners {
  /**
   * The container's runner, started if need be; undefined where commands have to go through the daemon.
   */
  of(container: Docker.Container): Promise<Runner | undefined>;
  forget(containerId: string): void;
}

/** How often a runner is started in one container: where it keeps dying, the daemon is the better way. */
const MAX_STARTS = 3;

/** @param nonce An unguessable word each time. */
export function openRunners(nonce: () => string, answerMs: number): Runners {
  const known = new Map<string, { readonly starts: number; readonly runner: Promise<Runner | undefined> }>();
  return {
    async of(container) {
      const { id } = container;
      const entry = known.get(id);
      const runner = await entry?.runner;
      if (runner !== undefined && runner.state !== "lost") return runner;
      const starts = entry?.starts ?? 0;
      if (starts === MAX_STARTS) return undefined;
      // Of several callers that find it lost, the first starts it again.
      if (known.get(id) === entry) {
        const started = startRunner(container, nonce, answerMs).catch(() => undefined);
        known.set(id, { starts: starts + 1, runner: started });
      }
      return known.get(id)?.runner;
    },
    forget: (containerId) => void known.delete(containerId),
  };
}
