import type { Store } from "../../../kernel/store.ts";
import type { VectorIndex } from "../domain/vector-index.ts";
import type { MemoryTx } from "../store/port.ts";

/** Vectors read in one go. */
const PAGE = 500;

/** More than are equal to one text by chance; of more equals than that, finding some is enough. */
const LOOKED_AT = 5;

const SAME = 0.9999;

export interface VectorCheck {
  readonly checked: number;
  /** Vectors of the store that a search for themselves does not find. */
  readonly lost: number;
}

/**
 * Searches an index for every vector of a model, since the number of its entries proves nothing: an index that lost
 * its way to a vector still counts it.
 */
export async function checkVectors(
  store: Store<MemoryTx>,
  model: string,
  indexOf: (dimension: number) => Promise<VectorIndex>,
  told: (checked: number) => void,
): Promise<VectorCheck> {
  let [checked, lost] = [0, 0];
  let index: VectorIndex | undefined;
  for (let last = 0, read = PAGE; read === PAGE;) {
    const page = await store.read((tx) => tx.vectorsAfter(model, last, PAGE));
    for (const { n, values } of page) {
      index ??= await indexOf(values.length);
      const near = await index.nearest(values, LOOKED_AT, () => true);
      if (!near.some((one) => one.n === n) && (near.at(-1)?.cosine ?? 0) < SAME) lost += 1;
    }
    read = page.length;
    checked += read;
    last = page.at(-1)?.seq ?? last;
    if (read === PAGE) told(checked);
  }
  return { checked, lost };
}
