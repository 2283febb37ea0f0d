import { readFile, stat } from "node:fs/promises";
import { relative } from "node:path";
import { digestOf } from "../../../kernel/canonical-json.ts";
import { DomainError } from "../../../kernel/errors.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { readDocument, type ReadDocument } from "../adapters/document-reader.ts";
import { chunksOf } from "../domain/document/chunks.ts";
import { checkDraft } from "../domain/limits.ts";
import type { Ingested } from "../domain/document/ingested.ts";
import type { Kind, Source } from "../domain/memory.ts";
import type { MemoryDeps } from "../deps.ts";
import type { KnownDocument } from "../store/port.ts";
import { crawlSite, type CrawlLimits, type Visitor } from "./crawl-site.ts";
import { stamped } from "./file-state.ts";
import { keepDocument, type DocumentDraft, type KeptDocument } from "./keep-document.ts";

/** Where a document is. */
export type Place =
  | { readonly uri: string; readonly crawl: CrawlLimits | undefined }
  | { readonly path: string }
  | { readonly text: string };

/** How it is to be remembered. */
export interface Labels {
  readonly kind: Kind;
  readonly title: string | undefined;
  readonly tags: readonly string[];
}

const MAX_FILE_BYTES = 10_000_000;
const MAX_CHUNKS = 10_000;

/** Reads a document and remembers it in chunks. @throws {DomainError} as its readers do, and invalid for an empty one. */
export async function ingest(
  deps: MemoryDeps,
  call: Pick<Call, "principal">,
  place: Place,
  labels: Labels,
  signal: AbortSignal,
  report: (pages: number) => void,
): Promise<Ingested> {
  const keep = keeper(deps, call, labels);
  if ("text" in place) {
    const read = await readDocument(Buffer.from(place.text), "", "");
    return { ...(await keep(`text:${digestOf(place.text)}`, undefined, read)), pages: 1, skipped: [] };
  }
  if ("path" in place) {
    const { bytes, path } = await readPlace(deps, place.path);
    const indexed = await deps.store.read((tx) => tx.codeTrees());
    const source = await stamped({ path }, deps.trees, indexed);
    return {
      ...(await keep(`path:${path}`, source, await readDocument(bytes, "", path))),
      pages: 1,
      skipped: [],
    };
  }
  const skipped: { readonly uri: string; readonly reason: string }[] = [];
  let first: KeptDocument | undefined;
  let chunks = 0;
  let done = 0;
  const visit: Visitor = async (url) => {
    const known = await heldDocument(deps, url);
    const fetched = await deps.web.fetch(url, signal, known?.etag);
    const read =
      fetched === "unchanged" ? undefined : await readDocument(fetched.bytes, fetched.type, fetched.url);
    const at = fetched === "unchanged" ? url : fetched.url;
    const kept =
      read === undefined || fetched === "unchanged"
        ? { id: known?.memoryId ?? "", chunks: known?.chunks ?? 0 }
        : await keep(url, { uri: at }, read, fetched.etag);
    first ??= kept;
    chunks += kept.chunks;
    done += 1;
    report(done);
    return { links: read?.links ?? known?.links ?? [], url: at };
  };
  const limits = place.crawl ?? { depth: 0, pages: 1 };
  const skip = (uri: string, reason: string): void => void skipped.push({ uri, reason });
  const pages = await crawlSite(deps.web, place.uri, limits, signal, visit, skip);
  return { id: first?.id ?? "", chunks, pages, skipped };
}

type Keep = (
  key: string,
  source: Source | undefined,
  read: ReadDocument,
  etag?: string,
) => Promise<KeptDocument>;

function keeper(deps: MemoryDeps, call: Pick<Call, "principal">, { kind, title, tags }: Labels): Keep {
  return async (key, source, read, etag) => {
    const chunks = chunksOf(read.blocks);
    if (chunks.length === 0)
      throw new DomainError("invalid", "the document holds no text", {
        hint: "give another one, or its text",
      });
    if (chunks.length > MAX_CHUNKS)
      throw new DomainError(
        "limit",
        `the document makes ${chunks.length} chunks, at most ${MAX_CHUNKS} are kept`,
        {
          hint: "split it",
        },
      );
    const named = [title, read.title, source?.path, source?.uri, firstLine(chunks[0]?.text ?? "")];
    const draft: DocumentDraft = {
      key,
      title: named.find((one) => one !== undefined && one.trim() !== "") ?? "document",
      kind,
      tags,
      source,
      outline: read.blocks.flatMap((block) => block.title ?? []),
      chunks,
      spansIn: read.spansIn,
      etag,
      links: read.links.slice(0, MAX_LINKS),
    };
    checkDraft({ text: "document", kind, title, tags: [...tags], source }, "the document");
    return deps.store.write({ principal: call.principal, once: undefined }, (tx) =>
      keepDocument(draft, tx, { principal: call.principal.id, now: deps.clock() }, deps.newId),
    );
  };
}

const MAX_LINKS = 500;

function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0]?.slice(0, 80) ?? "";
}

/** What is known of an address, as long as its memories still hold. */
async function heldDocument({ store, clock }: MemoryDeps, key: string): Promise<KnownDocument | undefined> {
  return store.read(async (tx) => {
    const known = await tx.findDocument(key);
    const head = known === undefined ? undefined : (await tx.find([known.memoryId])).get(known.memoryId);
    return head === undefined || (head.endsAt ?? Number.POSITIVE_INFINITY) <= clock() ? undefined : known;
  });
}

/** A file below a root, and its path as others write it: relative to the root it is in. */
async function readPlace(
  { trees }: MemoryDeps,
  path: string,
): Promise<{ readonly bytes: Buffer; readonly path: string }> {
  const file = await trees.file(path);
  const { size } = await stat(file);
  if (size > MAX_FILE_BYTES)
    throw new DomainError("limit", `${path} is larger than ${MAX_FILE_BYTES / 1e6} MB`, { hint: "split it" });
  const root = trees.roots.toReversed().find((one) => file.startsWith(`${one}/`));
  return { bytes: await readFile(file), path: root === undefined ? file : relative(root, file) };
}
