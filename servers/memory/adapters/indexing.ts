import { openJobs, type Job } from "../../../kernel/jobs.ts";

/** Long work on folders: one at a time for each, and whoever asks again waits for the one under way. */
export interface Indexing<T> {
  /** Starts the work, or joins that which this owner has under way, and waits at most `waitMs`. */
  run(
    owner: string,
    folder: string,
    waitMs: number,
    signal: AbortSignal,
    work: (cancelled: AbortSignal) => Promise<T>,
  ): Promise<Job<T>>;
  /** Cancels everything and waits until it ended. */
  close(): Promise<void>;
}

export function openIndexing<T>(): Indexing<T> {
  const jobs = openJobs<T>();
  const underWay = new Map<string, string>();
  let last = Promise.resolve();
  return {
    async run(owner, folder, waitMs, signal, work) {
      const key = `${owner}\n${folder}`;
      const known = underWay.get(key);
      if (known !== undefined) {
        const job = await jobs.wait(owner, known, waitMs);
        if (job.status !== "working") underWay.delete(key);
        return job;
      }
      const job = await jobs.start(owner, waitMs, signal, async (cancelled) => {
        const before = last;
        let done = (): void => undefined;
        last = new Promise((resolve) => {
          done = resolve;
        });
        try {
          await before;
          return await work(cancelled);
        } finally {
          done();
        }
      });
      if (job.status === "working") underWay.set(key, job.id);
      return job;
    },
    close: () => jobs.close(),
  };
}
