import { z } from "zod";
import { digestOf } from "../../../kernel/canonical-json.ts";
import { parseRow, type Row } from "../../../kernel/sqlite/database.ts";
import { KINDS, type Memory } from "../domain/memory.ts";

/** The columns of a version, in the order of `valuesOf`. */
export const COLUMNS = [
  "id",
  "space",
  "kind",
  "starts_at",
  "ends_at",
  "updated_at",
  "thread_id",
  "tags",
  "metadata",
  "version",
  "created_at",
  "principal",
  "task_id",
  "supersedes",
  "superseded_by",
  "source",
  "thread",
  "entities",
  "title",
  "text",
] as const;

const json = <S extends z.ZodType>(schema: S) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);

const MemoryRow = z.object({
  id: z.string(),
  space: z.string(),
  kind: z.enum(KINDS),
  starts_at: z.int(),
  ends_at: z.int().nullable(),
  updated_at: z.int(),
  tags: json(z.array(z.string())),
  // Not z.record: that would drop a key named __proto__.
  metadata: json(z.custom<object>((value) => typeof value === "object" && value !== null)),
  version: z.int(),
  created_at: z.int(),
  principal: z.string(),
  task_id: z.string().nullable(),
  supersedes: z.string().nullable(),
  superseded_by: z.string().nullable(),
  source: json(
    z.object({
      uri: z.string().optional(),
      path: z.string().optional(),
      commit: z.string().optional(),
      blob: z.string().optional(),
    }),
  ).nullable(),
  thread: json(
    z.object({
      id: z.string(),
      session: z.string().optional(),
      seq: z.number().optional(),
      author: z.string().optional(),
    }),
  ).nullable(),
  entities: json(z.array(z.object({ name: z.string(), type: z.string() }))),
  title: z.string().nullable(),
  text: z.string(),
});

export function toMemory(row: Row): Memory {
  const found = parseRow(MemoryRow, row);
  return {
    id: found.id,
    space: found.space,
    kind: found.kind,
    title: found.title ?? undefined,
    text: found.text,
    source: found.source ?? undefined,
    thread: found.thread ?? undefined,
    tags: found.tags,
    metadata: found.metadata,
    entities: found.entities,
    taskId: found.task_id ?? undefined,
    startsAt: found.starts_at,
    endsAt: found.ends_at ?? undefined,
    supersedes: found.supersedes ?? undefined,
    supersededBy: found.superseded_by ?? undefined,
    version: found.version,
    principal: found.principal,
    createdAt: found.created_at,
    updatedAt: found.updated_at,
  };
}

export function valuesOf(memory: Memory): readonly (string | number | null)[] {
  return [
    memory.id,
    memory.space,
    memory.kind,
    memory.startsAt,
    memory.endsAt ?? null,
    memory.updatedAt,
    memory.thread?.id ?? null,
    JSON.stringify(memory.tags),
    JSON.stringify(memory.metadata),
    memory.version,
    memory.createdAt,
    memory.principal,
    memory.taskId ?? null,
    memory.supersedes ?? null,
    memory.supersededBy ?? null,
    memory.source === undefined ? null : JSON.stringify(memory.source),
    memory.thread === undefined ? null : JSON.stringify(memory.thread),
    JSON.stringify(memory.entities),
    memory.title ?? null,
    memory.text,
  ];
}

/** Equal for memories that say the same thing in the same place, whatever the file there holds. */
export function twinKey({ space, kind, text, source, thread }: Memory): string {
  const { blob: _, ...place } = source ?? {};
  return digestOf([space, kind, text, source === undefined ? null : place, thread ?? null]);
}
