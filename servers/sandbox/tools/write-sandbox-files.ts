import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, DESTROYS } from "../../../kernel/mcp/tool.ts";
import type { SandboxDeps } from "../deps.ts";
import { list } from "./bounds.ts";
import { idempotencyKey, markIsolation, sandboxId } from "./answer.ts";
import { findSandbox } from "./find-sandbox.ts";
import { putFiles } from "./workspace.ts";
import { toEntries, writtenFile } from "./written-file.ts";

export const writeSandboxFiles = defineTool({
  name: "write_sandbox_files",
  title: "Write sandbox files",
  description:
    "Writes, deletes and makes files and folders in a sandbox's workspace, byte-exact, deletions first. Parents are made.",
  input: z.object({
    sandbox_id: sandboxId,
    files: list(writtenFile, 1, 2_000),
    idempotency_key: idempotencyKey,
  }),
  output: z.looseObject({ written: z.number() }),
  annotations: DESTROYS,
  core: true,
  async run({ sandbox_id: id, files }, deps: SandboxDeps, call) {
    const { entries, removed } = toEntries(files);
    const found = await findSandbox(deps, id);
    if (entries.length + removed.length === 0)
      throw new DomainError("invalid", "there is nothing to write", { hint: "name at least one file" });
    await putFiles(deps, call, found, entries, removed);
    return deps.store.answer(call, () => ({
      written: entries.length + removed.length,
      ...markIsolation(found.record),
    }));
  },
});
