/** One part of the git server's soak: what it does, how often, and how it is gone on with. */
export interface SoakPart {
  /** How often, when nothing else is asked for. */
  readonly count: number;
  /** Does the work for the numbers `from` up to `count`; returns what was done and what came of it. Throws on a failure. */
  run(range: SoakRange): Promise<readonly [done: string, result: string]>;
}

export interface SoakRange {
  readonly from: number;
  readonly count: number;
  /** Tells how far it has come: the number that `--from` would go on with. */
  reached(number: number): void;
}
