import { DomainError } from "../../kernel/errors.ts";
import { beginning, readByTool, type Resource } from "../../kernel/mcp/resource.ts";
import type { MemoryDeps } from "./deps.ts";
import { getMemories } from "./tools/get-memories.ts";

/** How far back the log of changes is read for suggestions. */
const RECENT = 500;

/** What a host can attach of the memory. */
export const memoryResources: readonly Resource<MemoryDeps>[] = [
  {
    name: "memory",
    title: "A memory",
    description: "One memory with its source and trust.",
    uri: "slipway://memories/{id}",
    mimeType: "application/json",
    async read({ id = "" }, deps, call) {
      const found = await deps.store.read((tx) => tx.find([id]));
      if (!found.has(id))
        throw new DomainError("not_found", "there is no such memory", { hint: "recall finds them" });
      return readByTool(getMemories, { ids: [id] }, deps, call);
    },
    complete: {
      async id(start, { store }) {
        const changes = await store.read(async (tx) =>
          tx.changesAfter(Math.max(0, (await tx.lastChange()) - RECENT), RECENT),
        );
        const newestFirst = changes
          .toReversed()
          .flatMap(({ memory }) => (memory === undefined ? [] : [memory.id]));
        return beginning([...new Set(newestFirst)], start);
      },
    },
  },
];
