/** A vector of a memory, by the memory's number. */
export interface Vector {
  readonly n: number;
  readonly values: Float32Array;
}

export interface Near {
  readonly n: number;
  /** -1..1. */
  readonly cosine: number;
}

/** Finds the vectors next to another one. All have the same length, given when the index is made, and length 1. */
export interface VectorIndex {
  /** Puts vectors in the place of those with the same numbers. @throws {DomainError} invalid for another length. */
  put(vectors: readonly Vector[]): Promise<void>;
  drop(numbers: readonly number[]): Promise<void>;
  /** The `most` nearest of those accepted, nearest first, equals by number. */
  nearest(query: Float32Array, most: number, accepts: (n: number) => boolean): Promise<readonly Near[]>;
  size(): Promise<number>;
}
