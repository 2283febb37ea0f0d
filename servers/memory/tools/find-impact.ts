import { z } from "zod";
import { cleanText } from "../../../kernel/text.ts";
import { whole } from "../../../kernel/mcp/input.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { fitItems } from "../../../kernel/tokens.ts";
import { namesFor } from "../domain/graph.ts";
import { findAffected } from "../domain/impact.ts";
import { atMost, LIMITS } from "../domain/limits.ts";
import type { MemoryDeps } from "../deps.ts";
import { maxTokens, someOf } from "./memory-schema.ts";

export const findImpact = defineTool({
  name: "find_impact",
  title: "Find impact",
  description:
    "Lists what depends on changed files or symbols, nearest first, by walking relations from target to source (but CHANGED_WITH, SIMILAR_TO, REVIEWED_BY, NEXT, ABOUT). Use it before a change and to choose tests. `unknown` is not in the graph.",
  input: z.strictObject({
    changed: someOf(z.string()).describe("Paths, symbols or entity ids"),
    depth: whole(1, 5).default(3),
    limit: whole(1, 500).default(100),
    max_tokens: maxTokens,
  }),
  output: z.object({
    affected: z.array(z.looseObject({ node: z.string() })),
    truncated: z.boolean(),
    unknown: z.array(z.string()).optional(),
  }),
  annotations: READS,
  async run({ changed, depth, limit, max_tokens: budget }, { store, graph }: MemoryDeps) {
    atMost(changed.length, LIMITS.changed, "changed", "entries", "ask in several calls");
    return store.read(async (tx) => {
      const dependentsOf = await graph.current(tx);
      const unknown: string[] = [];
      const start: string[] = [];
      for (const name of changed) {
        let numbers: readonly number[] = [];
        for (const candidate of namesFor(name))
          if (numbers.length === 0) numbers = await tx.numbersOf(candidate);
        if (numbers.length === 0) unknown.push(shown(name));
        start.push(...numbers.map(String));
      }
      const found = findAffected(start, dependentsOf, { depth, limit });
      const entities = await tx.entities(
        [...new Set(found.affected.flatMap(({ path }) => path))].map(Number),
      );
      const nameOf = (node: string): string => shown(entities.get(Number(node))?.name ?? "");
      const affected = found.affected.map(({ node, distance, path }) => ({
        node: nameOf(node),
        kind: shown(entities.get(Number(node))?.type ?? ""),
        distance,
        path: path.map(nameOf),
      }));
      const { taken, truncated } = fitItems(
        affected,
        budget,
        60 + Math.ceil(JSON.stringify(unknown).length / 3),
      );
      return {
        affected: [...taken],
        truncated: truncated || found.truncated,
        ...(unknown.length === 0 ? {} : { unknown }),
      };
    });
  },
});

function shown(name: string): string {
  const clean = cleanText(name);
  return clean.length <= 200 ? clean : `${clean.slice(0, 199).toWellFormed()}…`;
}
