import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import type { Draft } from "../domain/draft.ts";
import { atMost, checkDraft, LIMITS } from "../domain/limits.ts";
import { KINDS } from "../domain/memory.ts";
import type { MemoryDeps } from "../deps.ts";
import { answerOrRecordConflict, keepMemory } from "../store/keep-memory.ts";
import { stamped } from "./file-state.ts";
import {
  checkSpace,
  idempotencyKey,
  jsonObject,
  mention,
  someOf,
  source,
  space,
  thread,
} from "./memory-schema.ts";

const item = z.strictObject({
  text: z.string(),
  kind: z.enum(KINDS),
  title: z.string().optional(),
  space: space.optional(),
  source: source.optional(),
  thread: thread.optional(),
  tags: z.array(z.string()).optional(),
  metadata: jsonObject.optional(),
  entities: z.array(mention).optional(),
  task_id: z.string().optional(),
  valid_from: z.string().optional().describe("ISO 8601"),
  valid_to: z.string().optional(),
  supersedes: z.string().optional().describe("Id this replaces"),
  id: z.string().optional().describe("Updates this memory"),
  if_version: z.number().optional(),
});

export const remember = defineTool({
  name: "remember",
  title: "Remember",
  description: `Keeps what others should know later, up to ${LIMITS.items} a call, all or none. Returns ids, versions and status (created, duplicate, updated) in order.`,
  input: z.strictObject({ items: someOf(item), idempotency_key: idempotencyKey }),
  output: z.object({
    items: z.array(z.looseObject({ id: z.string(), status: z.string() })),
  }),
  annotations: WRITES,
  core: true,
  async run({ items }, { store, trees, clock, newId }: MemoryDeps, call) {
    atMost(items.length, LIMITS.items, "items", "entries", "send the rest in another call");
    items.forEach((draft, index) => {
      checkDraft(draft, `items[${index}]`);
      checkSpace(draft.space);
      if (draft.id === undefined && draft.if_version !== undefined) {
        throw new DomainError("invalid", `items[${index}] has if_version but no id`, {
          hint: "give the id to update, or leave if_version out",
        });
      }
    });
    const indexed = await store.read((tx) => tx.codeTrees());
    const drafts: Draft[] = [];
    for (const item of items)
      drafts.push(
        item.source === undefined ? item : { ...item, source: await stamped(item.source, trees, indexed) },
      );
    return answerOrRecordConflict(store, call, async (tx) => {
      // Read under the lock, so that versions follow each other in time as they do in the store.
      const writing = { principal: call.principal.id, now: clock() };
      const kept = [];
      for (const draft of drafts) kept.push({ ...(await keepMemory(draft, tx, writing, newId)) });
      return { items: kept };
    });
  },
});
