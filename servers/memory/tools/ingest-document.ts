import { z } from "zod";
import { digestOf } from "../../../kernel/canonical-json.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { DEFAULT_WAIT_MS, MAX_WAIT_MS } from "../../../kernel/jobs.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { orElse, whole, word } from "../../../kernel/mcp/input.ts";
import type { Ingested } from "../domain/document/ingested.ts";
import { atMost, byteLength } from "../domain/limits.ts";
import { KINDS } from "../domain/memory.ts";
import type { MemoryDeps } from "../deps.ts";
import { ingest, type Place } from "./ingest.ts";
import { idempotencyKey } from "./memory-schema.ts";

const MAX_TEXT_BYTES = 10_000_000;
const MAX_SKIPPED = 20;

const input = z.strictObject({
  uri: z.string().optional(),
  path: z.string().optional(),
  text: z.string().optional(),
  kind: orElse(word(KINDS), () => "doc" as const),
  title: z.string().optional(),
  tags: z.array(z.string()).optional(),
  crawl: z
    .strictObject({ depth: orElse(whole(0, 5), () => 1), pages: orElse(whole(1, 100), () => 10) })
    .optional()
    .describe("Same site, by robots.txt"),
  wait_ms: orElse(whole(0, MAX_WAIT_MS), () => DEFAULT_WAIT_MS),
  idempotency_key: idempotencyKey,
});

export const ingestDocument = defineTool({
  name: "ingest_document",
  title: "Ingest a document",
  description:
    "Remembers a page, file or text (HTML, PDF, Markdown, OpenAPI) in chunks that recall finds. Again: only what changed. id outlines it and is the chunks' thread.",
  input,
  output: z.looseObject({ status: z.string() }),
  annotations: { ...WRITES, idempotentHint: true, openWorldHint: true },
  async run(wanted, deps: MemoryDeps, call) {
    const place = placeOf(wanted);
    const labels = { kind: wanted.kind, title: wanted.title, tags: wanted.tags ?? [] };
    let isWaiting = true;
    const job = await deps.ingesting.run(
      call.principal.id,
      digestOf([place, labels]),
      wanted.wait_ms,
      call.signal,
      (cancelled) =>
        ingest(deps, call, place, labels, cancelled, (progress) => {
          if (isWaiting) void call.progress({ progress, message: `${progress} pages` });
        }),
    );
    isWaiting = false;
    if (job.status === "working") return { status: "working", job_id: job.id };
    if (job.result === undefined) throw job.error;
    const answer = shown(job.result);
    return deps.store.answer(call, () => answer);
  },
});

function placeOf({ uri, path, text, crawl }: z.output<typeof input>): Place {
  const given = [uri, path, text].filter((one) => one !== undefined);
  if (given.length !== 1)
    throw new DomainError("invalid", `${given.length} of uri, path and text are given`, { hint: "give one" });
  if (crawl !== undefined && uri === undefined)
    throw new DomainError("invalid", "only a uri can be crawled", { hint: "leave crawl out" });
  if (uri !== undefined) return { uri, crawl };
  if (path !== undefined) return { path };
  atMost(byteLength(text ?? ""), MAX_TEXT_BYTES, "text", "bytes", "split it into several documents");
  return { text: text ?? "" };
}

function shown({ id, chunks, pages, skipped }: Ingested): {
  readonly status: string;
} & Readonly<Record<string, unknown>> {
  return {
    id,
    chunks,
    ...(pages > 1 ? { pages } : {}),
    skipped: skipped
      .slice(0, MAX_SKIPPED)
      .map(({ uri, reason }) => ({ uri: uri.slice(0, 200), reason: reason.slice(0, 200) })),
    ...(skipped.length > MAX_SKIPPED ? { skipped_more: skipped.length - MAX_SKIPPED } : {}),
    status: "completed",
  };
}
