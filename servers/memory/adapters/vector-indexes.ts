import { createHash } from "node:crypto";
import type { Store } from "../../../kernel/store.ts";
import type { MemoryTx } from "../store/port.ts";
import { chromaOf } from "./chroma-server.ts";
import { chromaVectors } from "./chroma-vectors.ts";
import { exactVectors } from "./exact-vectors.ts";
import type { IndexOf } from "./recall-vectors.ts";

/** Where vectors are searched: in the process, by a Chroma that runs somewhere, or by one of our own in a folder. */
export type VectorPlace =
  | { readonly kind: "exact" }
  | { readonly kind: "chroma"; readonly url: string }
  | { readonly kind: "own_chroma"; readonly folder: string };

/** Makes indexes in a place. Close it when done. */
export interface VectorIndexes {
  readonly indexOf: IndexOf;
  close(): Promise<void>;
}

export function vectorIndexes(place: VectorPlace, store: Store<MemoryTx>): VectorIndexes {
  if (place.kind === "exact") return { indexOf: exactVectors, close: () => Promise.resolve() };
  const own = place.kind === "own_chroma" ? chromaOf(place.folder) : undefined;
  const server = own ?? { address: async () => (place.kind === "chroma" ? place.url : "") };
  return {
    async indexOf(dimension, model) {
      const { id } = await store.read((tx) => tx.vectorState(model));
      const name = createHash("sha256").update(model).digest("hex").slice(0, 16);
      return chromaVectors({ server, collection: `slipway-${id}-${name}`, dimension });
    },
    close: async () => own?.close(),
  };
}
