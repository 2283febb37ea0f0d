import { DomainError } from "../../../kernel/errors.ts";
import type { Kind, Memory, Mention, Source, Thread } from "./memory.ts";
import { parseTime } from "./time.ts";

/** A memory as a caller hands it in, in the words of the tool. */
export interface Draft {
  readonly text: string;
  readonly kind: Kind;
  readonly title?: string | undefined;
  readonly space?: string | undefined;
  readonly source?: Source | undefined;
  readonly thread?: Thread | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: object | undefined;
  readonly entities?: readonly Mention[] | undefined;
  readonly task_id?: string | undefined;
  readonly valid_from?: string | undefined;
  readonly valid_to?: string | undefined;
  readonly supersedes?: string | undefined;
  readonly id?: string | undefined;
  readonly if_version?: number | undefined;
}

/** Who writes, and when (epoch milliseconds). */
export interface Writing {
  readonly principal: string;
  readonly now: number;
}

/** The first version of a memory. @throws {DomainError} invalid for times that make no interval. */
export function newMemory(draft: Draft, id: string, { principal, now }: Writing): Memory {
  return {
    id,
    space: draft.space ?? "shared",
    kind: draft.kind,
    title: draft.title,
    text: draft.text,
    source: draft.source,
    thread: draft.thread,
    tags: [...new Set(draft.tags ?? [])],
    metadata: draft.metadata ?? {},
    entities: draft.entities ?? [],
    taskId: draft.task_id,
    ...interval(draft, now),
    supersedes: draft.supersedes,
    supersededBy: undefined,
    version: 1,
    principal,
    createdAt: now,
    updatedAt: now,
  };
}

/** Fields that an update takes away. */
export type Cleared = Readonly<Partial<Record<"title" | "source" | "thread" | "taskId" | "endsAt", boolean>>>;

/**
 * The next version of a memory: fields the draft leaves out keep their value unless they are cleared, and the version
 * holds from `valid_from`, or from now.
 *
 * @returns null when nothing would change.
 * @throws {DomainError} invalid when the draft names another space; invalid_state when it was superseded.
 */
export function revise(
  current: Memory,
  draft: Draft,
  { principal, now }: Writing,
  cleared: Cleared = {},
): Memory | null {
  if (draft.space !== undefined && draft.space !== current.space) {
    throw new DomainError("invalid", `${current.id} belongs to the space "${current.space}"`, {
      hint: "leave space out, or remember a copy without id",
    });
  }
  if (current.supersededBy !== undefined) {
    throw new DomainError("invalid_state", `${current.id} was superseded by ${current.supersededBy}`, {
      hint: `update ${current.supersededBy}`,
    });
  }
  const content = {
    kind: draft.kind,
    title: cleared.title === true ? undefined : (draft.title ?? current.title),
    text: draft.text,
    source: cleared.source === true ? undefined : (draft.source ?? current.source),
    thread: cleared.thread === true ? undefined : (draft.thread ?? current.thread),
    tags: draft.tags === undefined ? current.tags : [...new Set(draft.tags)],
    metadata: draft.metadata ?? current.metadata,
    entities: draft.entities ?? current.entities,
    taskId: cleared.taskId === true ? undefined : (draft.task_id ?? current.taskId),
  };
  const isSame = JSON.stringify(content) === JSON.stringify(contentOf(current));
  if (
    isSame &&
    !(cleared.endsAt === true && current.endsAt !== undefined) &&
    draft.valid_from === undefined &&
    draft.valid_to === undefined &&
    draft.supersedes === undefined
  )
    return null;
  return {
    ...current,
    ...content,
    ...interval(draft, now, cleared.endsAt === true ? undefined : current.endsAt),
    supersedes: draft.supersedes ?? current.supersedes,
    version: current.version + 1,
    principal,
    updatedAt: now,
  };
}

function contentOf({ kind, title, text, source, thread, tags, metadata, entities, taskId }: Memory): object {
  return { kind, title, text, source, thread, tags, metadata, entities, taskId };
}

function interval(
  draft: Draft,
  now: number,
  kept?: number,
): { readonly startsAt: number; readonly endsAt: number | undefined } {
  const startsAt = draft.valid_from === undefined ? now : parseTime(draft.valid_from, "valid_from");
  // An end that was set stays; one that has passed does not end the version that follows it.
  const given = draft.valid_to === undefined ? undefined : parseTime(draft.valid_to, "valid_to");
  const endsAt = given ?? (kept !== undefined && kept > startsAt ? kept : undefined);
  if (endsAt !== undefined && draft.valid_from !== undefined && endsAt <= startsAt) {
    throw new DomainError("invalid", "valid_to is not after valid_from", {
      hint: "swap them, or leave one out",
    });
  }
  // What is recorded as already over began, for all we know, just before its end.
  return { startsAt: endsAt === undefined ? startsAt : Math.min(startsAt, endsAt - 1), endsAt };
}

/** The end of a version once another one holds from `next` on. */
export function endedBy(current: number | undefined, next: number): number {
  return current === undefined ? next : Math.min(current, next);
}
