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

/** What holds a container open and starts its commands, beyond what the commands may use. */
export const KEEPER = { pids: 4, memoryMb: 8 } as const;
