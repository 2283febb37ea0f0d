/** What one sandbox may use. */
export interface Limits {
  /** Cores, fractions allowed. */
  readonly cpu: number;
  readonly memoryMb: number;
  /** Processes and threads at one time. */
  readonly pids: number;
  /** Size of the workspace. */
  readonly diskMb: number;
}

export const DEFAULT_LIMITS: Limits = { cpu: 1, memoryMb: 1_024, pids: 256, diskMb: 512 };

/** Size of the temporary directory of a sandbox. */
export const TMP_MB = 64;
