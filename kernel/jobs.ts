import { randomBytes } from "node:crypto";
import { DomainError } from "./errors.ts";

/** The states of a job, in the words of the MCP Tasks extension. */
export type JobStatus = "working" | "completed" | "failed" | "cancelled";

export interface Job<T> {
  readonly id: string;
  readonly status: JobStatus;
  /** What the work returned; undefined until it completed. */
  readonly result: T | undefined;
  readonly error: unknown;
}

/** The longest a call may wait for a job, so that no host gives up on it. */
export const MAX_WAIT_MS = 45_000;
export const DEFAULT_WAIT_MS = 30_000;

/** Long work behind handles. Handles are secrets bound to the principal that started the work. */
export interface Jobs<T> {
  /**
   * Starts work and waits for it, at most `waitMs`. When `signal` aborts while waiting, the work is cancelled.
   *
   * @throws {DomainError} unavailable once these jobs are closed.
   */
  start(
    owner: string,
    waitMs: number,
    signal: AbortSignal,
    work: (cancelled: AbortSignal) => Promise<T>,
  ): Promise<Job<T>>;
  /** @throws {DomainError} not_found for a handle that is unknown, of somebody else, or older than an hour. */
  wait(owner: string, id: string, waitMs: number): Promise<Job<T>>;
  cancel(owner: string, id: string): Promise<Job<T>>;
  /** Cancels everything and waits until it ended. */
  close(): Promise<void>;
}

interface Entry<T> {
  readonly id: string;
  readonly owner: string;
  readonly controller: AbortController;
  readonly ended: Promise<void>;
  status: JobStatus;
  result: T | undefined;
  error: unknown;
}

const KEEP_MS = 3_600_000;

/** Keeps the jobs of one server process. Ended ones stay readable for an hour. */
export function openJobs<T>(): Jobs<T> {
  const entries = new Map<string, Entry<T>>();
  let isClosed = false;
  const view = (entry: Entry<T>): Job<T> => ({
    id: entry.id,
    status: entry.status,
    result: entry.result,
    error: entry.error,
  });
  const settle = async (entry: Entry<T>, waitMs: number): Promise<Job<T>> => {
    let timer: NodeJS.Timeout | undefined;
    const tired = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(Math.max(waitMs, 0), MAX_WAIT_MS));
    });
    await Promise.race([entry.ended, tired]);
    clearTimeout(timer);
    return view(entry);
  };
  const find = (owner: string, id: string): Entry<T> => {
    const entry = entries.get(id);
    if (entry === undefined || entry.owner !== owner) {
      throw new DomainError("not_found", `there is no job ${id}`, {
        hint: "jobs are known to the server process that started them, for an hour after they ended",
      });
    }
    return entry;
  };
  return {
    async start(owner, waitMs, signal, work) {
      if (isClosed)
        throw new DomainError("unavailable", "the server is stopping", {
          hint: "call it again once it runs",
        });
      const controller = new AbortController();
      const entry: Entry<T> = {
        id: `job_${randomBytes(12).toString("hex")}`,
        owner,
        controller,
        status: "working",
        result: undefined,
        error: undefined,
        ended: Promise.resolve().then(async () => {
          try {
            entry.result = await work(controller.signal);
            entry.status = "completed";
          } catch (error) {
            entry.error = error;
            entry.status = controller.signal.aborted ? "cancelled" : "failed";
          }
          setTimeout(() => entries.delete(entry.id), KEEP_MS).unref();
        }),
      };
      entries.set(entry.id, entry);
      const cancel = (): void => controller.abort();
      if (signal.aborted) cancel();
      signal.addEventListener("abort", cancel, { once: true });
      const job = await settle(entry, waitMs);
      signal.removeEventListener("abort", cancel);
      return job;
    },
    wait: async (owner, id, waitMs) => settle(find(owner, id), waitMs),
    async cancel(owner, id) {
      const entry = find(owner, id);
      entry.controller.abort();
      return settle(entry, MAX_WAIT_MS);
    },
    async close() {
      isClosed = true;
      for (const entry of entries.values()) entry.controller.abort();
      await Promise.all([...entries.values()].map((entry) => entry.ended));
    },
  };
}
