import { DomainError } from "../../../kernel/errors.ts";

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

/**
 * Finds the vectors next to another one. All have the same length, given when the index is made, and length 1. Every
 * method throws {DomainError} unavailable where the index is elsewhere and cannot be asked.
 */
export interface VectorIndex {
  /** What `put` was last told; 0 for a new index. An index that outlives the process keeps it. */
  mark(): Promise<number>;
  /**
   * Puts vectors in the place of those with the same numbers, and then keeps the mark.
   *
   * @throws {DomainError} invalid for another length.
   */
  put(vectors: readonly Vector[], mark?: number): Promise<void>;
  /** How many may be put while somebody waits. */
  readonly putsAtOnce: number;
  drop(numbers: readonly number[]): Promise<void>;
  /** The `most` nearest of those accepted, nearest first, equals by number. */
  nearest(query: Float32Array, most: number, accepts: (n: number) => boolean): Promise<readonly Near[]>;
  size(): Promise<number>;
  /** Makes it a new index. */
  clear(): Promise<void>;
}

/** @throws {DomainError} invalid for a vector of another length than the index is made for. */
export function refuseLength(vector: Float32Array, dimension: number): void {
  if (vector.length === dimension) return;
  throw new DomainError("invalid", `a vector has ${vector.length} numbers, the index is of ${dimension}`, {
    hint: "embed everything with one model: slipway memory embed",
  });
}
