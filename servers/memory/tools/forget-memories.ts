import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { orElse } from "../../../kernel/mcp/input.ts";
import { defineTool, DESTROYS } from "../../../kernel/mcp/tool.ts";
import { atMost, LIMITS, refuseBroken } from "../domain/limits.ts";
import type { MemoryDeps } from "../deps.ts";
import { forgetMemories as forget } from "../store/forget-memories.ts";
import { idempotencyKey, someOf } from "./memory-schema.ts";

export const forgetMemories = defineTool({
  name: "forget_memories",
  title: "Forget memories",
  description:
    "Ends memories: recall finds them only with an earlier as_of, and an update brings one back. purge removes text, history and index entries for good.",
  input: z.strictObject({
    ids: someOf(z.string()),
    reason: z.string().describe("Kept in the log: do not quote"),
    purge: orElse(z.boolean(), () => false),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({ forgotten: z.array(z.string()), missing: z.array(z.string()) }),
  annotations: { ...DESTROYS, idempotentHint: true },
  scope: "admin",
  async run({ ids, reason, purge }, { store, clock }: MemoryDeps, call) {
    atMost(ids.length, LIMITS.ids, "ids", "entries", "send the rest in another call");
    atMost(reason.length, LIMITS.reasonChars, "reason", "characters", "shorten it");
    refuseBroken(reason, "reason");
    if (reason.trim() === "")
      throw new DomainError("invalid", "reason is empty", { hint: "say in a few words why" });
    return store.answer(call, async (tx) => {
      const writing = { principal: call.principal.id, now: clock() };
      const { forgotten, missing } = await forget({ ids, reason, purge }, tx, writing);
      // An id of ours is short, so echoes are cut there.
      return { forgotten: [...forgotten], missing: missing.map((id) => id.slice(0, 40).toWellFormed()) };
    });
  },
});
