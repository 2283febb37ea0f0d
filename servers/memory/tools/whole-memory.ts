import { toIso } from "../../../kernel/clock.ts";
import { cleanText } from "../../../kernel/text.ts";
import { estimateTokens } from "../../../kernel/tokens.ts";
import { trustOf, type Memory } from "../domain/memory.ts";

/** Tokens of an answer that a text gets at least, its envelope included. */
const ROOM_FOR_TEXT = 150;

/**
 * A memory as get_memories returns it. What this project's agents wrote comes back byte for byte; text from outside
 * is cleaned of escapes, control and invisible characters first, and says so when that changed it.
 */
export function wholeMemory(memory: Memory) {
  const trust = trustOf(memory);
  const text = trust === "outside" ? cleanText(memory.text) : memory.text;
  const title = trust === "outside" && memory.title !== undefined ? cleanText(memory.title) : memory.title;
  return {
    id: memory.id,
    version: memory.version,
    kind: memory.kind,
    trust,
    ...(text === memory.text && title === memory.title ? {} : { cleaned: true }),
    ...(title === undefined ? {} : { title }),
    text,
    space: memory.space,
    ...(memory.source === undefined ? {} : { source: memory.source }),
    ...(memory.thread === undefined ? {} : { thread: memory.thread }),
    tags: memory.tags,
    metadata: memory.metadata,
    entities: memory.entities,
    ...(memory.taskId === undefined ? {} : { task_id: memory.taskId }),
    valid_from: toIso(memory.startsAt),
    ...(memory.endsAt === undefined ? {} : { valid_to: toIso(memory.endsAt) }),
    ...(memory.supersedes === undefined ? {} : { supersedes: memory.supersedes }),
    ...(memory.supersededBy === undefined ? {} : { superseded_by: memory.supersededBy }),
    principal: memory.principal,
    created_at: toIso(memory.createdAt),
    updated_at: toIso(memory.updatedAt),
  };
}

/** Leaves the fields around the text out where they alone would fill the answer; `omitted` names them. */
export function withinFrame(item: ReturnType<typeof wholeMemory>, maxTokens: number) {
  if (estimateTokens(JSON.stringify({ ...item, text: "" })) <= maxTokens - ROOM_FOR_TEXT) return item;
  const { title, source, thread, tags, metadata, entities, task_id, ...slim } = item;
  return { ...slim, omitted: Object.keys({ title, source, thread, tags, metadata, entities, task_id }) };
}
