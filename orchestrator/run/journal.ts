import { z } from "zod";
import type { EventType } from "../../kernel/event-types.ts";
import type { EventRecord } from "../../kernel/events.ts";
import type { Json } from "../../kernel/canonical-json.ts";
import type { RunStore } from "./run-store.ts";

/**
 * The memory of one run: durable steps over its event log. A finished step answers from the log, so running the same
 * code again after a crash picks up where it stopped. A step that the crash cut short runs again, under the same
 * idempotency key: servers answer it as before, or for the first time.
 */
export interface Journal {
  readonly runId: string;
  /** Runs `work` once for all time, and returns what it returned. */
  step<S extends z.ZodType>(
    key: string,
    result: S,
    work: (idempotencyKey: string) => Promise<z.input<S>>,
  ): Promise<z.output<S>>;
  /** What a step returned, if it finished. */
  finished<S extends z.ZodType>(key: string, result: S): z.output<S> | undefined;
  /** Notes that something which cannot be repeated begins; returns how often it has begun, from 1. */
  begin(key: string): Promise<number>;
  /** How often `begin` was called, over all lives of the run. */
  begun(key: string): number;
  emit(type: EventType, data: EventRecord["data"]): Promise<void>;
  /** Every event of the run so far, and from now on. */
  readonly events: readonly EventRecord[];
  onEvent(listener: (event: EventRecord) => void): () => void;
}

const StepData = z.object({ key: z.string(), result: z.json().optional() });
const PAGE = 1_000;

/** Loads a run's journal from its events. */
export async function openJournal(store: RunStore, runId: string): Promise<Journal> {
  const results = new Map<string, unknown>();
  const begins = new Map<string, number>();
  const seen: EventRecord[] = [];
  const listeners = new Set<(event: EventRecord) => void>();
  let cursor = 0;
  const take = (event: EventRecord): void => {
    seen.push(event);
    cursor = event.seq;
    if (event.type === "step.finished") {
      const { key, result } = StepData.parse(event.data);
      results.set(key, result);
    } else if (event.type === "step.started") {
      const { key } = StepData.parse(event.data);
      begins.set(key, (begins.get(key) ?? 0) + 1);
    }
    for (const listener of listeners) listener(event);
  };
  const catchUp = async (): Promise<void> => {
    for (;;) {
      const events = await store.events({ after: cursor, limit: PAGE, subject: runId });
      for (const event of events) if (event.seq > cursor) take(event);
      if (events.length < PAGE) return;
    }
  };
  const append = async (type: EventType, data: EventRecord["data"]): Promise<void> => {
    await store.append([{ type, subject: runId, data }]);
    await catchUp();
  };
  await catchUp();
  return {
    runId,
    events: seen,
    async step(key, result, work) {
      if (results.has(key)) return result.parse(results.get(key));
      const value = result.parse(await work(`${runId}/${key}`));
      await append("step.finished", { key, result: toJson(value) });
      return value;
    },
    finished: (key, result) => (results.has(key) ? result.parse(results.get(key)) : undefined),
    async begin(key) {
      await append("step.started", { key });
      return begins.get(key) ?? 0;
    },
    begun: (key) => begins.get(key) ?? 0,
    emit: append,
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function toJson(value: unknown): Json {
  return z.json().parse(JSON.parse(JSON.stringify(value ?? null)));
}
