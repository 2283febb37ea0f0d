import type { Log } from "../../../kernel/log.ts";
import type { Store, Writer } from "../../../kernel/store.ts";
import type { MemoryTx } from "./port.ts";

export interface Recalled {
  readonly latency_ms: number;
  readonly hits: number;
}

export interface RecallLog {
  record(writer: Writer, recalled: Recalled): void;
  /** Resolves when everything recorded so far is written or given up. */
  settle(): Promise<void>;
}

const FLUSH_AFTER_MS = 25;

/**
 * Records `memory.recalled` after the answer has left, several in one write: a recall never waits for its own event
 * and never fails because of it. The event is telemetry that no memory tool reads back, so recall stays a read. A
 * process that is killed within the delay loses it.
 */
export function recallLog(store: Store<MemoryTx>, log: Log): RecallLog {
  const pending = new Map<string, Recalled[]>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    for (const [id, recalled] of pending) {
      const written = store.write({ principal: { id }, once: undefined }, (tx) => {
        for (const { latency_ms, hits } of recalled)
          tx.emit({ type: "memory.recalled", subject: "recall", data: { latency_ms, hits } });
      });
      const settled = written.catch((error: unknown) =>
        log("warn", "recalls were not recorded", {
          error: error instanceof Error ? error.message : String(error),
        }),
      );
      writing = writing.then(() => settled);
    }
    pending.clear();
  };

  return {
    record({ principal }, recalled) {
      pending.set(principal.id, [...(pending.get(principal.id) ?? []), recalled]);
      timer ??= setTimeout(flush, FLUSH_AFTER_MS);
    },
    settle() {
      flush();
      return writing;
    },
  };
}
