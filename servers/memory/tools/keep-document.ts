import { digestOf } from "../../../kernel/canonical-json.ts";
import type { NewId } from "../../../kernel/ids.ts";
import type { Chunk } from "../domain/document/chunks.ts";
import { newMemory, type Draft, type Writing } from "../domain/draft.ts";
import { forgotten } from "../domain/forget.ts";
import type { Kind, Memory, Source } from "../domain/memory.ts";
import type { MemoryTx } from "../store/port.ts";

/** A document as it is to be remembered. */
export interface DocumentDraft {
  /** What names it: an address, a path, or the digest of its text. */
  readonly key: string;
  readonly title: string;
  readonly kind: Kind;
  readonly tags: readonly string[];
  readonly source: Source | undefined;
  /** Its headings, in order. */
  readonly outline: readonly string[];
  readonly chunks: readonly Chunk[];
  readonly spansIn: string;
  readonly etag: string | undefined;
  readonly links: readonly string[];
}

export interface KeptDocument {
  readonly id: string;
  readonly chunks: number;
}

const MAX_TITLE = 300;
const MAX_OUTLINE = 4_000;

/**
 * Remembers a document inside a transaction: one memory that outlines it, whose id is the document's, and one for each
 * chunk, in the thread of that id. A chunk that is there already stays as it is; one that is gone is forgotten.
 */
export async function keepDocument(
  draft: DocumentDraft,
  tx: MemoryTx,
  writing: Writing,
  newId: NewId,
): Promise<KeptDocument> {
  const { chunks } = draft;
  const digest = digestOf([
    draft.title,
    draft.kind,
    draft.tags,
    draft.source?.blob ?? null,
    chunks.map(({ text }) => text),
  ]);
  const known = await tx.findDocument(draft.key);
  const head = known === undefined ? undefined : (await tx.find([known.memoryId])).get(known.memoryId);
  const keep = (id: string): Promise<void> =>
    tx.keepDocument({
      key: draft.key,
      memoryId: id,
      digest,
      etag: draft.etag,
      links: draft.links,
      chunks: chunks.length,
    });
  if (known !== undefined && head !== undefined && isHeld(head, writing.now) && known.digest === digest) {
    if (known.etag !== draft.etag) await keep(head.id);
    return { id: head.id, chunks: chunks.length };
  }
  const outlined = { ...common(draft), title: draft.title.slice(0, MAX_TITLE), text: outlineOf(draft) };
  const id = await put(tx, head, outlined, writing, newId);
  const left = Map.groupBy(
    (await tx.inThread(id)).filter((one) => isHeld(one, writing.now)),
    ({ text }) => text,
  );
  for (const [index, chunk] of chunks.entries()) {
    const old = left.get(chunk.text)?.shift();
    const part = partOf(draft, chunk, index, id);
    if (old === undefined || old.thread?.seq !== index + 1 || old.title !== part.title)
      await put(tx, old, part, writing, newId);
  }
  for (const gone of [...left.values()].flat()) {
    const after = forgotten(gone, writing);
    if (after !== null) await tx.end(gone, after);
  }
  await keep(id);
  tx.emit({
    type: "index.updated",
    subject: id,
    data: { document: draft.key.slice(0, 200), chunks: chunks.length },
  });
  return { id, chunks: chunks.length };
}

function isHeld({ endsAt }: Memory, now: number): boolean {
  return endsAt === undefined || endsAt > now;
}

function common({ kind, tags, source, title }: DocumentDraft): Omit<Draft, "text"> {
  return { kind, tags, source, entities: [{ name: title.slice(0, 200), type: "Document" }] };
}

function partOf(draft: DocumentDraft, chunk: Chunk, index: number, id: string): Draft {
  return {
    ...common(draft),
    title: [draft.title, ...chunk.headings.filter((one) => one !== draft.title)]
      .join(" › ")
      .slice(0, MAX_TITLE),
    text: chunk.text,
    thread: { id, seq: index + 1 },
    metadata: {
      part: index + 1,
      parts: draft.chunks.length,
      span: [chunk.start, chunk.end],
      spans_in: draft.spansIn,
    },
  };
}

function outlineOf({ title, outline }: DocumentDraft): string {
  return [title, ...outline.map((one) => `- ${one}`)].join("\n").slice(0, MAX_OUTLINE).toWellFormed();
}

async function put(
  tx: MemoryTx,
  old: Memory | undefined,
  draft: Draft,
  writing: Writing,
  newId: NewId,
): Promise<string> {
  const made = newMemory(draft, old?.id ?? newId("mem"), writing);
  if (old === undefined) await tx.add(made);
  else await tx.replace(old, { ...made, version: old.version + 1, createdAt: old.createdAt });
  return made.id;
}
