import { z } from "zod";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { MERGES } from "../domain/change.ts";
import { KINDS } from "../domain/memory.ts";
import type { MemoryDeps } from "../deps.ts";
import { answerOrRecordConflict, changeMemory } from "../store/keep-memory.ts";
import { stamped } from "./file-state.ts";
import { idempotencyKey, jsonObject, mention, source, thread } from "./memory-schema.ts";

// Listed as a plain object: the fields are those of remember, which the model has read already.
const changes = z
  .unknown()
  .meta({ type: "object" })
  .pipe(
    z.strictObject({
      text: z.string().optional(),
      kind: z.enum(KINDS).optional(),
      title: z.string().nullish(),
      source: source.nullish(),
      thread: thread.nullish(),
      tags: z.array(z.string()).optional(),
      metadata: jsonObject.optional(),
      entities: z.array(mention).optional(),
      task_id: z.string().nullish(),
      valid_from: z.string().optional(),
      valid_to: z.string().nullish(),
    }),
  );

export const updateMemory = defineTool({
  name: "update_memory",
  title: "Update memory",
  description:
    "Changes fields of one memory; the old version stays in the history. A stale if_version is a conflict, unless merge is lww (writes anyway) or union (adds tags, entities, metadata keys).",
  input: z.strictObject({
    id: z.string(),
    if_version: z.int().optional(),
    changes: changes.describe(
      "As in remember, without space, id, supersedes; null clears title, source, thread, task_id, valid_to",
    ),
    merge: z.enum(MERGES).default("replace"),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({ id: z.string(), version: z.number() }),
  annotations: WRITES,
  async run(given, { store, trees, clock }: MemoryDeps, call) {
    const { changes: wanted } = given;
    const indexed = await store.read((tx) => tx.codeTrees());
    const change =
      wanted.source == null
        ? given
        : { ...given, changes: { ...wanted, source: await stamped(wanted.source, trees, indexed) } };
    return answerOrRecordConflict(store, call, async (tx) => {
      // Read under the lock, so that versions follow each other in time as they do in the store.
      const writing = { principal: call.principal.id, now: clock() };
      const { id, version } = await changeMemory(change, tx, writing);
      return { id, version };
    });
  },
});
