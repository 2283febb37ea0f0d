/** Mean and spread per input, over the values known so far. */
export interface Moments {
  readonly counts: readonly number[];
  readonly means: readonly number[];
  /** Sums of squared differences from the mean. */
  readonly squares: readonly number[];
}

/** Standardises inputs by what has been seen of them. */
export interface RunningScale {
  /** Takes the known values of `inputs` in. */
  observe(inputs: readonly (number | null)[]): void;
  /** Standard scores within ±4. An unknown value has the score 0, the place of the mean. */
  standardise(inputs: readonly (number | null)[]): readonly number[];
  /** The inputs with the running mean for what is unknown; 0 for an input never seen. */
  impute(inputs: readonly (number | null)[]): readonly number[];
  moments(): Moments;
}

const MOST = 4;

/** Source: Welford, Technometrics 4(3), 1962. */
export function runningScale(size: number, from?: Moments): RunningScale {
  const counts = from === undefined ? Array.from({ length: size }, () => 0) : [...from.counts];
  const means = from === undefined ? Array.from({ length: size }, () => 0) : [...from.means];
  const squares = from === undefined ? Array.from({ length: size }, () => 0) : [...from.squares];

  const score = (value: number, index: number): number => {
    const count = counts[index] ?? 0;
    const sd = count === 0 ? 0 : Math.sqrt((squares[index] ?? 0) / count);
    const z = (value - (means[index] ?? 0)) / (sd > 1e-9 ? sd : 1);
    return Math.min(MOST, Math.max(-MOST, z));
  };
  return {
    observe(inputs) {
      for (let index = 0; index < size; index += 1) {
        const value = inputs[index] ?? null;
        if (value === null) continue;
        const count = (counts[index] ?? 0) + 1;
        const mean = means[index] ?? 0;
        const next = mean + (value - mean) / count;
        counts[index] = count;
        squares[index] = (squares[index] ?? 0) + (value - mean) * (value - next);
        means[index] = next;
      }
    },
    standardise: (inputs) => inputs.map((value, index) => (value === null ? 0 : score(value, index))),
    impute: (inputs) => inputs.map((value, index) => value ?? means[index] ?? 0),
    moments: () => ({ counts: [...counts], means: [...means], squares: [...squares] }),
  };
}
