/** Why a file is passed over. */
export type Unreadable = "too large" | "binary" | "minified" | "gone";

/** Why a file is found by its text alone. */
export type Unparsed = "too complex";

/** What an index holds after a run. */
export interface Indexed {
  readonly files: number;
  readonly symbols: number;
  /** Relations of the code graph, those of the history included. */
  readonly edges: number;
  /** Files read anew or removed. */
  readonly changed: number;
  readonly ms: number;
  /** How the names of this tree's files begin; empty for the first tree. */
  readonly prefix: string;
  readonly skipped: ReadonlyMap<Unreadable | Unparsed, number>;
}
