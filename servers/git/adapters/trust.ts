import { readOwnCode } from "../../../kernel/git/own-code.ts";
import type { GitPlace } from "../../../kernel/git/run.ts";
import type { GitStore } from "../store/store.ts";

/** Whether a person trusts a repository by its main git folder, and it still has the code it had then. */
export function trustIn(store: GitStore): (commonDir: string, place: GitPlace) => Promise<boolean> {
  return async (commonDir, place) => {
    const trust = await store.read((tx) => tx.trustOf(commonDir));
    return trust !== undefined && trust.digest === (await readOwnCode(place, commonDir)).digest;
  };
}
