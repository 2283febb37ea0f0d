import { z } from "zod";
import { orElse } from "../../../kernel/mcp/input.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import type { MemoryDeps } from "../deps.ts";
import { checkSearch } from "../store/check-search.ts";
import { maxTokens } from "./memory-schema.ts";

export const getMemoryStats = defineTool({
  name: "get_memory_stats",
  title: "Get memory stats",
  description: "Counts what is stored. check also looks up every record in the search index.",
  input: z.strictObject({ check: orElse(z.boolean(), () => false), max_tokens: maxTokens }),
  output: z.looseObject({ memories: z.number(), index: z.looseObject({}) }),
  annotations: READS,
  async run({ check, max_tokens: budget }, { store, vectors }: MemoryDeps) {
    const { kinds, spaces, indexed, ...counts } = await store.read((tx) => tx.counts());
    const models = await store.read((tx) => tx.vectorModels());
    const found = check ? await checkSearch(store) : undefined;
    const unreachable = found?.unreachable.slice(0, Math.floor(budget / 40)) ?? [];
    const isSound = found?.damage === undefined && found?.unreachableCount === 0;
    return {
      ...counts,
      by_kind: Object.fromEntries(kinds),
      by_space: Object.fromEntries([...spaces].slice(0, Math.max(1, Math.floor(budget / 400)))),
      model: vectors.model ?? null,
      vectors: models.map((one) => ({ ...one })),
      index: {
        entries: indexed,
        ...(found === undefined
          ? {}
          : {
              sound: isSound,
              ...(found.damage === undefined ? {} : { damage: found.damage }),
              unreachable_count: found.unreachableCount,
              unreachable: [...unreachable],
              ...(isSound ? {} : { hint: "slipway memory check --repair" }),
            }),
      },
    };
  },
});
