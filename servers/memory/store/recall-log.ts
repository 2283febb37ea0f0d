import type { Log } from "../../../kernel/log.ts";
import type { Store, Writer } from "../../../kernel/store.ts";
import type { MemoryTx } from "./port.ts";

export interface RecallLog {
  record(writer: Writer, data: { readonly latency_ms: number; readonly hits: number }): void;
  /** Resolves when everything recorded so far is written or given up. */
  settle(): Promise<void>;
}

/**
 * Records `memory.recalled` beside the answer, not before it: a recall never waits for a writer of another process,
 * and never fails because its event could not be kept. The event is telemetry, no state a caller can read back
 * through the memory tools, so recall stays a read.
 */
export function recallLog(store: Store<MemoryTx>, log: Log): RecallLog {
  const pending = new Set<Promise<void>>();
  return {
    record(writer, data) {
      const written = store
        .write({ principal: writer.principal, once: undefined }, (tx) => tx.emit({ type: "memory.recalled", subject: "recall", data }))
        .catch((error: unknown) => log("warn", "a recall was not recorded", { error: error instanceof Error ? error.message : String(error) }));
      pending.add(written);
      void written.finally(() => pending.delete(written));
    },
    async settle() {
      await Promise.all(pending);
    },
  };
}
