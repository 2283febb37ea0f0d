import { z } from "zod";
import { defineTool, DESTROYS } from "../../../kernel/mcp/tool.ts";
import type { SandboxDeps } from "../deps.ts";
import { idempotencyKey, sandboxId } from "./answer.ts";
import { removeSandbox } from "./lifecycle.ts";

export const deleteSandbox = defineTool({
  name: "delete_sandbox",
  title: "Delete a sandbox",
  description: "Ends a sandbox with all that runs in it and removes its files.",
  input: z.object({ sandbox_id: sandboxId, idempotency_key: idempotencyKey }),
  output: z.object({ deleted: z.boolean() }),
  annotations: { ...DESTROYS, idempotentHint: true },
  core: true,
  async run({ sandbox_id: id }, deps: SandboxDeps, call) {
    const record = await deps.store.read((tx) => tx.find(id));
    const deleted = record !== undefined && (await removeSandbox(deps, call, record, "sandbox.deleted"));
    return deps.store.answer(call, () => ({ deleted }));
  },
});
