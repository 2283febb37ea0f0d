import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import type { SandboxDeps } from "../deps.ts";
import type { SandboxRecord } from "../store/sandbox-store.ts";
import { whole } from "./bounds.ts";
import { idempotencyKey, sandboxId } from "./answer.ts";
import { findSandbox, refOf } from "./find-sandbox.ts";
import { createSandbox, removeSandbox } from "./lifecycle.ts";
import { restore, withCopy } from "./snapshots.ts";

export const forkSandbox = defineTool({
  name: "fork_sandbox",
  title: "Fork a sandbox",
  description: "Makes new sandboxes with a copy of this one's workspace, to try several solutions at once.",
  input: z.object({
    sandbox_id: sandboxId,
    count: whole(1, 16).default(1),
    idempotency_key: idempotencyKey,
  }),
  output: z.looseObject({ sandboxes: z.array(z.unknown()) }),
  annotations: WRITES,
  async run({ sandbox_id: id, count }, deps: SandboxDeps, call) {
    const source = await findSandbox(deps, id);
    const { limits, hosts, createdAt, expiresAt, backend } = source.record;
    const request = {
      name: undefined,
      backend,
      limits,
      hosts,
      ttlS: Math.round((expiresAt - createdAt) / 1_000),
    };
    const made: SandboxRecord[] = [];
    const forkOnce = async (): Promise<SandboxRecord> => {
      const record = await createSandbox(deps, call, request, () => undefined);
      made.push(record);
      return record;
    };
    try {
      const forks = await withCopy(deps, source, async (saved) => {
        const outcomes = await Promise.allSettled(
          Array.from({ length: count }, async () => {
            const record = await forkOnce();
            const found = { record, ref: refOf(record), backend: source.backend };
            await restore(deps, call, found, saved);
            return record;
          }),
        );
        return outcomes.map((outcome) => {
          if (outcome.status === "rejected") throw outcome.reason;
          return outcome.value;
        });
      });
      call.signal.throwIfAborted();
      return await deps.store.answer(call, () => ({
        sandboxes: forks.map((fork) => ({
          id: fork.id,
          backend: fork.backend,
          isolation: fork.isolation,
          expires_at: toIso(fork.expiresAt),
        })),
      }));
    } catch (error) {
      await Promise.all(made.map((record) => removeSandbox(deps, call, record, "sandbox.deleted")));
      throw error;
    }
  },
});
