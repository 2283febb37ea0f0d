import type { Store } from "../../../kernel/store.ts";
import type { CheckPoint, MemoryTx } from "./port.ts";

/** What a check of the search index found. */
export interface SearchCheck {
  /** What is wrong with the index as a whole; records are then not looked up one by one. */
  readonly damage: string | undefined;
  /** Ids of records that a search cannot find, the first ones. */
  readonly unreachable: readonly string[];
  readonly unreachableCount: number;
}

const PAGE = 500;
const MAX_IDS = 50;

/** Looks up every record in the index. One short read a page, so that others get their turn on a large store. */
export async function checkSearch(store: Store<MemoryTx>): Promise<SearchCheck> {
  const damage = await store.read((tx) => tx.indexDamage());
  const unreachable: string[] = [];
  if (damage !== undefined) return { damage, unreachable, unreachableCount: 0 };
  let unreachableCount = 0;
  let from: CheckPoint | undefined = { shelf: "memory", after: 0 };
  while (from !== undefined) {
    const point: CheckPoint = from;
    const { ids, next } = await store.read((tx) => tx.unreachable(point, PAGE));
    unreachableCount += ids.length;
    unreachable.push(...ids.slice(0, MAX_IDS - unreachable.length));
    from = next;
  }
  return { damage, unreachable, unreachableCount };
}
