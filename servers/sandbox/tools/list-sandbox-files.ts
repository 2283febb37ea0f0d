import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { cleanText } from "../../../kernel/text.ts";
import { fitItems } from "../../../kernel/tokens.ts";
import { listFiles } from "../adapters/tree-listing.ts";
import { workspacePath } from "../domain/workspace-path.ts";
import type { SandboxDeps } from "../deps.ts";
import { whole } from "./bounds.ts";
import { markIsolation, maxTokensInput, sandboxId } from "./answer.ts";
import { findSandbox } from "./find-sandbox.ts";

export const listSandboxFiles = defineTool({
  name: "list_sandbox_files",
  title: "List sandbox files",
  description: "Lists a folder of a sandbox by path, with types and sizes.",
  input: z.object({
    sandbox_id: sandboxId,
    path: z.string().default("."),
    depth: whole(1, 20).default(2),
    cursor: z.string().optional(),
    max_tokens: maxTokensInput,
  }),
  output: z.looseObject({
    files: z.array(z.unknown()),
    next_cursor: z.string().optional(),
  }),
  annotations: READS,
  async run({ sandbox_id: id, path, depth, cursor, max_tokens: maxTokens }, deps: SandboxDeps, call) {
    const folder = workspacePath(path);
    const found = await findSandbox(deps, id);
    const { files, isCut } = await listFiles(found.backend, found.ref, folder, depth, deps.nonce());
    call.signal.throwIfAborted();
    const rest = files.filter((file) => cursor === undefined || file.path > cursor);
    const shown = rest.map(({ path: name, type, sizeBytes }) => ({
      path: cleanText(name),
      type,
      ...(type === "file" ? { size_bytes: sizeBytes } : {}),
    }));
    const { taken, truncated } = fitItems(shown, maxTokens, 80);
    const last = rest[taken.length - 1];
    return {
      files: [...taken],
      ...(truncated && last !== undefined ? { next_cursor: last.path } : {}),
      ...(isCut ? { truncated: true } : {}),
      ...markIsolation(found.record),
    };
  },
});
