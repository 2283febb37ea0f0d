import { DomainError } from "../../../kernel/errors.ts";
import type { NewId } from "../../../kernel/ids.ts";
import type { Draft, Writing } from "../domain/draft.ts";
import type { Memory } from "../domain/memory.ts";
import { joinReplicas, sameReplica, type Join } from "../domain/replica.ts";
import { parseTime } from "../domain/time.ts";
import { newMemory } from "../domain/draft.ts";
import { normalName } from "../domain/graph.ts";
import { checkDraft, refuseBroken } from "../domain/limits.ts";
import { keepMemory } from "./keep-memory.ts";
import type { MemoryTx } from "./port.ts";
import { TransferLine } from "./transfer-line.ts";

/** What became of the lines of a file. */
export interface Imported {
  memories: number;
  /** Memories that were here in another form and became one with it. */
  joined: number;
  entities: number;
  relations: number;
  /** Already there. */
  known: number;
  /** Lines that could not be read, by number from 1. */
  readonly bad: { readonly line: number; readonly reason: string }[];
}

export function nothingImported(): Imported {
  return { memories: 0, joined: 0, entities: 0, relations: 0, known: 0, bad: [] };
}

/**
 * Imports lines inside a transaction and adds up what became of them. A bad line is told and passed over. What was
 * observed of an entity becomes a fact, too, so that recall finds it. The same file twice changes nothing.
 */
export async function importLines(
  lines: readonly { readonly line: number; readonly text: string }[],
  tx: MemoryTx,
  writing: Writing,
  newId: NewId,
  into: Imported,
  join: Join = "lww",
): Promise<void> {
  for (const { line, text } of lines) {
    if (text.trim() === "") continue;
    try {
      const parsed = TransferLine.safeParse(JSON.parse(text));
      if (parsed.success) await importLine(parsed.data, tx, writing, newId, into, join);
      else into.bad.push({ line, reason: "no entity, relation or memory" });
    } catch (error) {
      if (error instanceof SyntaxError) into.bad.push({ line, reason: "no JSON" });
      else if (error instanceof DomainError) into.bad.push({ line, reason: error.message });
      else throw error;
    }
  }
}

async function importLine(
  found: TransferLine,
  tx: MemoryTx,
  writing: Writing,
  newId: NewId,
  into: Imported,
  join: Join,
): Promise<void> {
  refuseBroken(found, "the line");
  switch (found.type) {
    case "entity": {
      const { entityType: type, observations } = found;
      const name = normalName(found.name);
      const { status } = await tx.relateEntity({ name, type, observations }, writing.now);
      count(into, "entities", status !== "unchanged");
      if (observations.length === 0) return;
      const draft: Draft = {
        kind: "fact",
        title: name.slice(0, 300),
        text: [`${name} (${type})`, ...observations.map((one) => `- ${one}`)].join("\n"),
        entities: [{ name: name.slice(0, 200), type: type.slice(0, 200) }],
      };
      checkDraft(draft, "the entity");
      const kept = await keepMemory(draft, tx, writing, newId);
      count(into, "memories", kept.status === "created");
      return;
    }
    case "relation": {
      const { from, relationType: type, to, properties } = found;
      const relation = { from: normalName(from), type, to: normalName(to), properties };
      count(into, "relations", (await tx.relate(relation, writing.now)).status !== "unchanged");
      return;
    }
    case "memory": {
      const { type: _, id, updated_at: written, ...draft } = found;
      checkDraft(draft, "the memory");
      const updatedAt = written === undefined ? writing.now : parseTime(written, "updated_at");
      // A clock that is ahead would win for ever.
      if (updatedAt > writing.now + A_DAY_MS)
        throw new DomainError("invalid", "updated_at is in the future", { hint: "set that machine's clock" });
      const memory = { ...newMemory(draft, id, writing), updatedAt };
      const there = (await tx.find([id])).get(id);
      if (there !== undefined) {
        const isJoined = written !== undefined && (await joinInto(there, memory, tx, writing, join));
        into[isJoined ? "joined" : "known"] += 1;
        return;
      }
      const isTwin = (await tx.findTwin(memory, writing.now)) !== undefined;
      if (!isTwin) await tx.add(memory);
      count(into, "memories", !isTwin);
    }
  }
}

const A_DAY_MS = 24 * 3_600_000;

/** @returns whether the memory that is there changed. */
async function joinInto(
  there: Memory,
  other: Memory,
  tx: MemoryTx,
  { principal }: Writing,
  join: Join,
): Promise<boolean> {
  // A space is fixed for life, and what was superseded or forgotten here stays so.
  if (there.space !== other.space || there.supersededBy !== undefined) return false;
  const joined = joinReplicas(there, other, join);
  if (sameReplica(joined, there)) return false;
  await tx.replace(there, { ...there, ...joined, version: there.version + 1, principal });
  return true;
}

function count(into: Imported, what: "memories" | "entities" | "relations", isNew: boolean): void {
  into[isNew ? what : "known"] += 1;
}
