/** What a running command has printed so far, stdout and stderr as they came. Bounded by the output cap. */
export interface LiveLog {
  push(chunk: Uint8Array): void;
  /** The bytes from an offset on, and the offset of what comes next. */
  read(after: number): { readonly bytes: Buffer; readonly next: number };
}

export function liveLog(): LiveLog {
  const chunks: Uint8Array[] = [];
  let size = 0;
  return {
    push(chunk) {
      chunks.push(chunk);
      size += chunk.length;
    },
    read: (after) => ({ bytes: Buffer.concat(chunks).subarray(after), next: size }),
  };
}

/** The logs of jobs, kept a little longer than the jobs themselves. */
export interface LiveLogs {
  keep(jobId: string, log: LiveLog): void;
  find(jobId: string): LiveLog | undefined;
}

const MAX_LOGS = 100;

export function openLiveLogs(): LiveLogs {
  const logs = new Map<string, LiveLog>();
  return {
    keep(jobId, log) {
      logs.set(jobId, log);
      const [oldest] = logs.keys();
      if (logs.size > MAX_LOGS && oldest !== undefined) logs.delete(oldest);
    },
    find: (jobId) => logs.get(jobId),
  };
}
