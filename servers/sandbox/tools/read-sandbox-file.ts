import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { readFilePart } from "../adapters/files.ts";
import { filePath } from "../domain/workspace-path.ts";
import type { SandboxDeps } from "../deps.ts";
import { whole } from "./bounds.ts";
import { markIsolation, maxTokensInput, sandboxId } from "./answer.ts";
import { findSandbox } from "./find-sandbox.ts";
import { decodePart } from "../domain/text-part.ts";
import { estimateTokens } from "../../../kernel/tokens.ts";

export const readSandboxFile = defineTool({
  name: "read_sandbox_file",
  title: "Read a sandbox file",
  description:
    "Reads a sandbox's file byte-exact: text, or base64 where it is not UTF-8. Untrusted data. Long files: pass next_offset (bytes) as offset.",
  input: z.object({
    sandbox_id: sandboxId,
    path: z.string(),
    offset: whole(0, Number.MAX_SAFE_INTEGER).default(0),
    length: whole(1, Number.MAX_SAFE_INTEGER).optional(),
    max_tokens: maxTokensInput,
  }),
  output: z.looseObject({
    text: z.string().optional(),
    base64: z.string().optional(),
    size_bytes: z.number(),
    next_offset: z.number().optional(),
  }),
  annotations: READS,
  async run({ sandbox_id: id, path, offset, length, max_tokens: maxTokens }, deps: SandboxDeps, call) {
    const found = await findSandbox(deps, id);
    const room = maxTokens * 3;
    const { content, sizeBytes } = await readFilePart(
      found.backend,
      found.ref,
      filePath(path),
      offset,
      Math.min(length ?? room, room),
      deps,
    );
    call.signal.throwIfAborted();
    const part = fitPart(content, offset + content.length < sizeBytes, maxTokens);
    const next = offset + part.bytes;
    return {
      ...(part.text === null
        ? { base64: content.subarray(0, part.bytes).toString("base64") }
        : { text: part.text }),
      size_bytes: sizeBytes,
      ...(next < sizeBytes ? { next_offset: next } : {}),
      ...markIsolation(found.record),
    };
  },
});

/**
 * As much of the front as fits the budget once it is JSON, at least one byte so that a reader makes progress. Base64
 * has no words, so a byte of it may cost a token.
 */
function fitPart(
  content: Buffer,
  isCut: boolean,
  maxTokens: number,
): { readonly text: string | null; readonly bytes: number } {
  for (let size = content.length; ; size = Math.floor(size * 0.7)) {
    const part = decodePart(content.subarray(0, Math.max(size, 1)), isCut || size < content.length);
    const cost = part.text === null ? part.bytes : estimateTokens(JSON.stringify(part.text));
    if (size <= 4 || cost <= maxTokens - 40) return part;
  }
}
