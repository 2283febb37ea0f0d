/** A claim that was taken from its holder: its lease ran out, or somebody paused or queued the task. */
export interface LostClaim {
  readonly token: string;
  readonly taskId: string;
  readonly agent: string;
  readonly attempt: number;
}

/** What a holder handed in after it had lost its claim: kept for whoever comes next, never applied. */
export interface Orphan {
  readonly agent: string;
  readonly attempt: number;
  readonly output: unknown;
  readonly artifacts: readonly string[];
  /** Epoch milliseconds. */
  readonly at: number;
}
