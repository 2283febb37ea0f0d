import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { atMost, checkDraft, LIMITS } from "../domain/limits.ts";
import { KINDS } from "../domain/memory.ts";
import type { MemoryDeps } from "../deps.ts";
import { keepMemory, VersionConflict } from "../store/keep-memory.ts";
import { checkSpace, idempotencyKey, jsonObject, space } from "./memory-schema.ts";

const item = z.strictObject({
  text: z.string(),
  kind: z.enum(KINDS),
  title: z.string().optional(),
  space: space.optional(),
  source: z
    .strictObject({ uri: z.string().optional(), path: z.string().optional(), commit: z.string().optional() })
    .optional(),
  thread: z
    .strictObject({ id: z.string(), seq: z.number().optional(), author: z.string().optional() })
    .optional(),
  tags: z.array(z.string()).optional(),
  metadata: jsonObject.optional(),
  entities: z.array(z.strictObject({ name: z.string(), type: z.string() })).optional(),
  task_id: z.string().optional(),
  valid_from: z.string().optional().describe("ISO 8601; default now"),
  valid_to: z.string().optional(),
  supersedes: z.string().optional().describe("Id that this replaces from valid_from on"),
  id: z.string().optional().describe("Updates this memory"),
  if_version: z.number().optional(),
});

export const remember = defineTool({
  name: "remember",
  title: "Remember",
  description: `Keeps facts, decisions, code, errors and messages for later, up to ${LIMITS.items} a call, all or none. Returns their ids in order; what is known already is a duplicate.`,
  input: z.strictObject({ items: z.array(item).min(1), idempotency_key: idempotencyKey }),
  output: z.object({
    items: z.array(
      z.object({ id: z.string(), version: z.number(), status: z.enum(["created", "duplicate", "updated"]) }),
    ),
  }),
  annotations: WRITES,
  core: true,
  async run({ items }, { store, clock, newId }: MemoryDeps, call) {
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
    try {
      return await store.answer(call, async (tx) => {
        // Read under the lock, so that versions follow each other in time as they do in the store.
        const writing = { principal: call.principal.id, now: clock() };
        const kept = [];
        for (const draft of items) kept.push(await keepMemory(draft, tx, writing, newId));
        return { items: kept };
      });
    } catch (error) {
      // The refused batch is undone as a whole, its events too: the conflict is recorded on its own.
      if (error instanceof VersionConflict) {
        const { subject, data } = error;
        await store.write(call, (tx) => tx.emit({ type: "memory.conflict", subject, data }));
      }
      throw error;
    }
  },
});
