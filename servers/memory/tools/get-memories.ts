import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { atMost, LIMITS } from "../domain/limits.ts";
import { pageOf } from "../domain/page.ts";
import type { MemoryDeps } from "../deps.ts";
import { maxTokens, someOf } from "./memory-schema.ts";
import { withinFrame, wholeMemory } from "./whole-memory.ts";

export const getMemories = defineTool({
  name: "get_memories",
  title: "Get memories",
  description:
    "Returns whole memories by id, in order, with version and trust. A text cut by the budget goes on with next_cursor.",
  input: z.strictObject({
    ids: someOf(z.string()),
    cursor: z.string().optional(),
    max_tokens: maxTokens,
  }),
  output: z.object({
    items: z.array(z.looseObject({ id: z.string() })),
    missing: z.array(z.string()),
    next_cursor: z.string().optional(),
  }),
  annotations: READS,
  core: true,
  async run({ ids, cursor, max_tokens: budget }, { store }: MemoryDeps) {
    atMost(ids.length, LIMITS.ids, "ids", "entries", "ask for the rest in another call");
    const start = cursor === undefined ? { index: 0, offset: 0 } : parseCursor(cursor);
    const distinct = [...new Set(ids)];
    const found = await store.read((tx) => tx.find(distinct));
    const known = distinct
      .flatMap((id) => found.get(id) ?? [])
      .map((memory) => withinFrame(wholeMemory(memory), budget));
    // What is missing is told once, with the first page; an id of ours is short, so echoes are cut there.
    const missing =
      cursor === undefined
        ? distinct.filter((id) => !found.has(id)).map((id) => id.slice(0, 40).toWellFormed())
        : [];
    const { items, next } = pageOf(known, start, budget - missing.length * 15);
    return {
      items: [...items],
      missing,
      ...(next === undefined ? {} : { next_cursor: `${next.index}.${next.offset}` }),
    };
  },
});

function parseCursor(cursor: string): { readonly index: number; readonly offset: number } {
  const [, index, offset] = /^(\d{1,6})\.(\d{1,9})$/.exec(cursor) ?? [];
  if (index === undefined || offset === undefined)
    throw new DomainError("invalid", "the cursor is not one of get_memories", {
      hint: "send next_cursor as it came, with the same ids",
    });
  return { index: Number(index), offset: Number(offset) };
}
