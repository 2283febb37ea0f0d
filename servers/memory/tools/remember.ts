import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { newMemory, revise, type Draft, type Writing } from "../domain/draft.ts";
import { atMost, checkDraft, LIMITS } from "../domain/limits.ts";
import { KINDS, type Memory } from "../domain/memory.ts";
import type { MemoryDeps } from "../server.ts";
import type { MemoryTx } from "../store/port.ts";
import { checkSpace, idempotencyKey, jsonObject, space } from "./memory-schema.ts";

const item = z.strictObject({
  text: z.string(),
  kind: z.enum(KINDS),
  title: z.string().optional(),
  space: space.optional(),
  source: z.strictObject({ uri: z.string().optional(), path: z.string().optional(), commit: z.string().optional() }).optional(),
  thread: z.strictObject({ id: z.string(), seq: z.number().optional(), author: z.string().optional() }).optional(),
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

const status = z.enum(["created", "duplicate", "updated"]);

export const remember = defineTool({
  name: "remember",
  title: "Remember",
  description: `Keeps facts, decisions, code, errors and messages for later, up to ${LIMITS.items} a call, all or none. Returns their ids in order; what is known already is a duplicate.`,
  input: z.strictObject({ items: z.array(item).min(1), idempotency_key: idempotencyKey }),
  output: z.object({ items: z.array(z.object({ id: z.string(), version: z.number(), status })) }),
  annotations: WRITES,
  core: true,
  async run({ items }, { store, clock, newId }: MemoryDeps, call) {
    atMost(items.length, LIMITS.items, "items", "entries", "send the rest in another call");
    items.forEach((draft, index) => {
      checkDraft(draft, `items[${index}]`);
      checkSpace(draft.space);
      if (draft.id === undefined && draft.if_version !== undefined) {
        throw new DomainError("invalid", `items[${index}] has if_version but no id`, { hint: "give the id to update, or leave if_version out" });
      }
    });
    const writing = { principal: call.principal.id, now: clock() };
    try {
      return await store.answer(call, async (tx) => {
        const kept = [];
        for (const draft of items) kept.push(await keep(draft, tx, writing, newId));
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

interface Kept {
  readonly id: string;
  readonly version: number;
  readonly status: z.output<typeof status>;
}

async function keep(draft: Draft, tx: MemoryTx, writing: Writing, newId: MemoryDeps["newId"]): Promise<Kept> {
  const kept = draft.id === undefined ? await create(draft, tx, writing, newId) : await update(draft, draft.id, tx, writing);
  if (draft.supersedes !== undefined) await supersede(draft.supersedes, kept.memory, tx);
  return { id: kept.memory.id, version: kept.memory.version, status: kept.status };
}

interface Written {
  readonly memory: Memory;
  readonly status: Kept["status"];
}

async function create(draft: Draft, tx: MemoryTx, writing: Writing, newId: MemoryDeps["newId"]): Promise<Written> {
  const memory = newMemory(draft, newId("mem"), writing);
  const twin = await tx.findTwin(memory, writing.now);
  if (twin !== undefined) return { memory: twin, status: "duplicate" };
  await tx.add(memory);
  return { memory, status: "created" };
}

async function update(draft: Draft, id: string, tx: MemoryTx, writing: Writing): Promise<Written> {
  const current = await existing(id, tx, "leave id out to remember something new");
  if (draft.if_version !== undefined && draft.if_version !== current.version) throw new VersionConflict(id, draft.if_version, current.version);
  const next = revise(current, draft, writing);
  if (next === null) return { memory: current, status: "duplicate" };
  await tx.replace(current, next);
  return { memory: next, status: "updated" };
}

async function supersede(id: string, by: Memory, tx: MemoryTx): Promise<void> {
  const old = await existing(id, tx, "leave supersedes out");
  if (old.supersededBy === by.id) return;
  if (old.id === by.id) throw new DomainError("invalid", `${id} cannot supersede itself`, { hint: "leave supersedes out; an update keeps the old version" });
  if (old.supersededBy !== undefined) {
    throw new DomainError("conflict", `${id} was superseded by ${old.supersededBy}`, { hint: `supersede ${old.supersededBy} instead` });
  }
  await tx.supersede(old, by);
}

async function existing(id: string, tx: MemoryTx, hint: string): Promise<Memory> {
  const memory = (await tx.find([id])).get(id);
  if (memory === undefined) throw new DomainError("not_found", `there is no memory ${/^mem_[0-9a-z]{16}$/.test(id) ? id : "with the id given"}`, { hint });
  return memory;
}

class VersionConflict extends DomainError {
  readonly subject: string;
  readonly data: { readonly if_version: number; readonly current_version: number };

  constructor(id: string, given: number, current: number) {
    super("conflict", `${id} is at version ${current}, not ${given}`, { hint: `read it with get_memories, then send the change with if_version ${current}` });
    this.subject = id;
    this.data = { if_version: given, current_version: current };
  }
}
