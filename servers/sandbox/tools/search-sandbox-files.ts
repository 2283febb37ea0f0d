import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { cleanText, clipText } from "../../../kernel/text.ts";
import { fitItems } from "../../../kernel/tokens.ts";
import { searchFiles } from "../adapters/tree-listing.ts";
import { workspacePath } from "../domain/workspace-path.ts";
import type { SandboxDeps } from "../deps.ts";
import { words } from "./bounds.ts";
import { markIsolation, maxTokensInput, sandboxId } from "./answer.ts";
import { findSandbox } from "./find-sandbox.ts";

const PAGE = 500;
const LINE_CHARS = 300;

export const searchSandboxFiles = defineTool({
  name: "search_sandbox_files",
  title: "Search sandbox files",
  description: "Finds lines of a sandbox's files by extended regular expression (grep -E).",
  input: z.object({
    sandbox_id: sandboxId,
    pattern: words(1, 1_000),
    path: z.string().default("."),
    cursor: z
      .string()
      .refine((cursor) => /^\d{1,9}$/.test(cursor), "a next_cursor")
      .optional(),
    max_tokens: maxTokensInput,
  }),
  output: z.looseObject({
    matches: z.array(z.unknown()),
    next_cursor: z.string().optional(),
  }),
  annotations: READS,
  async run({ sandbox_id: id, pattern, path, cursor, max_tokens: maxTokens }, deps: SandboxDeps, call) {
    const folder = workspacePath(path);
    const found = await findSandbox(deps, id);
    const skip = Number(cursor ?? 0);
    const search = { pattern, path: folder, skip, limit: PAGE };
    const matches = await searchFiles(found.backend, found.ref, search, deps.nonce());
    call.signal.throwIfAborted();
    const shown = matches.map((match) => ({
      path: cleanText(match.path),
      line: match.line,
      text: clipText(cleanText(match.text), LINE_CHARS),
    }));
    const { taken } = fitItems(shown, maxTokens, 80);
    const isMore = taken.length < shown.length || matches.length === PAGE;
    return {
      matches: [...taken],
      ...(isMore ? { next_cursor: String(skip + taken.length) } : {}),
      ...markIsolation(found.record),
    };
  },
});
