import { DomainError } from "../../../kernel/errors.ts";
import type { NewId } from "../../../kernel/ids.ts";
import type { Store, Writer } from "../../../kernel/store.ts";
import { applyChanges, mergesInto, type Changes, type Merge } from "../domain/change.ts";
import { newMemory, revise, type Draft, type Writing } from "../domain/draft.ts";
import type { Memory } from "../domain/memory.ts";
import type { MemoryTx } from "./port.ts";

/** What became of one draft. A duplicate names the memory that was there already. */
export interface Kept {
  readonly id: string;
  readonly version: number;
  readonly status: "created" | "duplicate" | "updated";
}

/**
 * Keeps one draft inside a transaction: adds it, or updates the memory it names, and ends what it supersedes.
 *
 * @throws {DomainError} not_found for an unknown id; conflict for a stale version or a second superseding;
 * invalid_state for the update of a superseded memory.
 */
export async function keepMemory(draft: Draft, tx: MemoryTx, writing: Writing, newId: NewId): Promise<Kept> {
  const kept =
    draft.id === undefined
      ? await create(draft, tx, writing, newId)
      : await update(draft, draft.id, tx, writing);
  if (draft.supersedes !== undefined) await supersede(draft.supersedes, kept.memory, tx);
  return { id: kept.memory.id, version: kept.memory.version, status: kept.status };
}

/** A change of one memory, and the version it was made from. */
export interface Change {
  readonly id: string;
  readonly if_version?: number | undefined;
  readonly changes: Changes;
  readonly merge: Merge;
}

/**
 * Changes one memory inside a transaction; the version before goes to the history.
 *
 * @returns the memory as it is now, also when nothing changed.
 * @throws {DomainError} not_found for an unknown id; conflict for a stale version that does not merge; invalid, limit
 * and invalid_state as `applyChanges` does.
 */
export async function changeMemory(
  { id, if_version: from, changes, merge }: Change,
  tx: MemoryTx,
  writing: Writing,
): Promise<Memory> {
  const current = await existing(id, tx, "recall it, or remember something new");
  if (from !== undefined && from !== current.version && !mergesInto(current, changes, merge))
    throw new VersionConflict(id, from, current.version);
  const next = applyChanges(current, changes, merge, writing);
  if (next === null) return current;
  await tx.replace(current, next);
  return next;
}

interface Written {
  readonly memory: Memory;
  readonly status: Kept["status"];
}

async function create(draft: Draft, tx: MemoryTx, writing: Writing, newId: NewId): Promise<Written> {
  const memory = newMemory(draft, newId("mem"), writing);
  const twin = await tx.findTwin(memory, writing.now);
  // The same said of a file that has changed since is news: it still holds.
  if (twin !== undefined && twin.source?.blob !== memory.source?.blob)
    return update(draft, twin.id, tx, writing);
  if (twin !== undefined) return { memory: twin, status: "duplicate" };
  await tx.add(memory);
  return { memory, status: "created" };
}

async function update(draft: Draft, id: string, tx: MemoryTx, writing: Writing): Promise<Written> {
  const current = await existing(id, tx, "leave id out to remember something new");
  if (draft.if_version !== undefined && draft.if_version !== current.version)
    throw new VersionConflict(id, draft.if_version, current.version);
  const next = revise(current, draft, writing);
  if (next === null) return { memory: current, status: "duplicate" };
  await tx.replace(current, next);
  return { memory: next, status: "updated" };
}

async function supersede(id: string, by: Memory, tx: MemoryTx): Promise<void> {
  const old = await existing(id, tx, "leave supersedes out");
  if (old.supersededBy === by.id) return;
  if (old.id === by.id)
    throw new DomainError("invalid", `${id} cannot supersede itself`, {
      hint: "leave supersedes out; an update keeps the old version",
    });
  if (old.supersededBy !== undefined) {
    throw new DomainError("conflict", `${id} was superseded by ${old.supersededBy}`, {
      hint: `supersede ${old.supersededBy} instead`,
    });
  }
  await tx.supersede(old, by);
}

async function existing(id: string, tx: MemoryTx, hint: string): Promise<Memory> {
  const memory = (await tx.find([id])).get(id);
  if (memory === undefined)
    throw new DomainError(
      "not_found",
      `there is no memory ${/^mem_[0-9a-z]{16}$/.test(id) ? id : "with the id given"}`,
      { hint },
    );
  return memory;
}

/**
 * Answers a call with `work`. A version conflict undoes the whole call, its events too, so it is recorded on its own.
 */
export async function answerOrRecordConflict<T>(
  store: Store<MemoryTx>,
  writer: Writer,
  work: (tx: MemoryTx) => Promise<T>,
): Promise<T> {
  try {
    return await store.answer(writer, work);
  } catch (error) {
    if (error instanceof VersionConflict) {
      const { subject, data } = error;
      await store.write(writer, (tx) => tx.emit({ type: "memory.conflict", subject, data }));
    }
    throw error;
  }
}

/** The caller saw another version than the current one. */
class VersionConflict extends DomainError {
  readonly subject: string;
  readonly data: { readonly if_version: number; readonly current_version: number };

  constructor(id: string, given: number, current: number) {
    super("conflict", `${id} is at version ${current}, not ${given}`, {
      hint: `read it with get_memories, then send the change with if_version ${current}`,
    });
    this.subject = id;
    this.data = { if_version: given, current_version: current };
  }
}
