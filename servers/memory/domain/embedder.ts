/** Turns texts into vectors. Vectors of different models are never compared. */
export interface Embedder {
  /** Names the model and where it runs; stored with each vector. */
  readonly model: string;
  /**
   * One vector per text, in order, all of one length.
   *
   * @throws {DomainError} unavailable where the model cannot be asked or is not there.
   */
  embed(texts: readonly string[]): Promise<readonly Float32Array[]>;
}

/** How much of a text is embedded, in UTF-16 units: more than small models read, and no more than any endpoint takes. */
const MOST_CHARS = 8_000;

/** What is embedded of a memory: what a reader would see of it first. */
export function embeddedText({
  title,
  text,
}: {
  readonly title: string | undefined;
  readonly text: string;
}): string {
  const whole = title === undefined ? text : `${title}\n${text}`;
  return whole.slice(0, MOST_CHARS).toWellFormed();
}

/** The same direction with length 1, so that a dot product is the cosine; all zeros stay. */
export function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return length === 0 || !Number.isFinite(length)
    ? new Float32Array(vector.length)
    : vector.map((value) => value / length);
}
