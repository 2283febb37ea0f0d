import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import type { SandboxDeps } from "../deps.ts";
import { idempotencyKey, sandboxId } from "./answer.ts";
import { findSandbox } from "./find-sandbox.ts";
import { saveSnapshot } from "./snapshots.ts";

export const snapshotSandbox = defineTool({
  name: "snapshot_sandbox",
  title: "Snapshot a sandbox",
  description: "Keeps a sandbox's workspace for a day; create_sandbox from_snapshot starts there.",
  input: z.object({ sandbox_id: sandboxId, idempotency_key: idempotencyKey }),
  output: z.looseObject({ snapshot_id: z.string() }),
  annotations: WRITES,
  async run({ sandbox_id: id }, deps: SandboxDeps, call) {
    const found = await findSandbox(deps, id);
    const snapshot = await saveSnapshot(deps, call, found);
    return deps.store.answer(call, (tx) => {
      tx.emit("sandbox.snapshotted", id, { snapshot: snapshot.id });
      return { snapshot_id: snapshot.id, expires_at: toIso(snapshot.expiresAt) };
    });
  },
});
