import { z } from "zod";
import { defineTool, DESTROYS } from "../../../kernel/mcp/tool.ts";
import { workspacePath } from "../domain/workspace-path.ts";
import type { SandboxDeps } from "../deps.ts";
import { idempotencyKey, markIsolation, sandboxId } from "./answer.ts";
import { findSandbox } from "./find-sandbox.ts";
import { importFolder } from "./workspace.ts";

const MAX_NAMED = 20;

export const importDirectory = defineTool({
  name: "import_directory",
  title: "Import a directory",
  description:
    "Copies a host folder (absolute, below an allowed root) into a sandbox, without .git; export_changes compares with it. Links that lead outside and special files are skipped and named.",
  input: z.object({
    sandbox_id: sandboxId,
    dir: z.string(),
    to: z.string().default("."),
    idempotency_key: idempotencyKey,
  }),
  output: z.looseObject({ files: z.number(), tree_digest: z.string() }),
  annotations: DESTROYS,
  core: true,
  async run({ sandbox_id: id, dir, to }, deps: SandboxDeps, call) {
    const target = workspacePath(to);
    const found = await findSandbox(deps, id);
    const { skipped, ...imported } = await importFolder(deps, call, found, dir, target);
    return deps.store.answer(call, () => ({
      ...imported,
      ...(skipped.length === 0
        ? {}
        : { skipped: skipped.slice(0, MAX_NAMED), skipped_count: skipped.length }),
      ...markIsolation(found.record),
    }));
  },
});
