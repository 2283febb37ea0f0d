import { z } from "zod";
import { KINDS, type Memory } from "../domain/memory.ts";
import type { ExportedEntity, ExportedRelation } from "./port.ts";

const texts = z.array(z.string());

/** A line of an export, or of the `memory.jsonl` of @modelcontextprotocol/server-memory, which has no memories. */
export const TransferLine = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("entity"),
    name: z.string().min(1),
    entityType: z.string().min(1),
    observations: texts,
  }),
  z.object({
    type: z.literal("relation"),
    from: z.string().min(1),
    to: z.string().min(1),
    relationType: z.string().min(1),
    properties: z.custom<object>((value) => typeof value === "object" && value !== null).optional(),
  }),
  z.object({
    type: z.literal("memory"),
    id: z.string().regex(/^mem_[0-9a-z]{16}$/),
    space: z.string(),
    kind: z.enum(KINDS),
    title: z.string().optional(),
    text: z.string(),
    source: z
      .object({ uri: z.string().optional(), path: z.string().optional(), commit: z.string().optional() })
      .optional(),
    thread: z
      .object({
        id: z.string(),
        session: z.string().optional(),
        seq: z.number().optional(),
        author: z.string().optional(),
      })
      .optional(),
    tags: texts.default([]),
    metadata: z.custom<object>((value) => typeof value === "object" && value !== null).default({}),
    entities: z.array(z.object({ name: z.string(), type: z.string() })).default([]),
    task_id: z.string().optional(),
    valid_from: z.string().optional(),
    valid_to: z.string().optional(),
    /** When it was written where it comes from; older exports do not say. */
    updated_at: z.string().optional(),
  }),
]);

export type TransferLine = z.output<typeof TransferLine>;

export function memoryLine(memory: Memory): string {
  const { id, space, kind, title, text, source, thread, tags, metadata, entities, taskId, updatedAt } =
    memory;
  return JSON.stringify({
    type: "memory",
    id,
    space,
    kind,
    title,
    text,
    source,
    thread,
    tags,
    metadata,
    entities,
    task_id: taskId,
    valid_from: new Date(memory.startsAt).toISOString(),
    updated_at: new Date(updatedAt).toISOString(),
    ...(memory.endsAt === undefined ? {} : { valid_to: new Date(memory.endsAt).toISOString() }),
  });
}

export function entityLine({ name, type, observations }: ExportedEntity): string {
  return JSON.stringify({ type: "entity", name, entityType: type, observations });
}

export function relationLine({ from, type, to, properties }: ExportedRelation): string {
  const more = Object.keys(properties).length === 0 ? {} : { properties };
  return JSON.stringify({ type: "relation", from, to, relationType: type, ...more });
}
