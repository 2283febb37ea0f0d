import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { clipText } from "../../../kernel/text.ts";
import { isOut } from "../domain/budget.ts";
import { progressed, usedBy } from "../domain/attempt.ts";
import type { TasksDeps } from "../deps.ts";
import { idempotencyKey, mustHold, refuseLarge, staleToken, tokenInput, usageInput } from "./answer.ts";
import { amount, text, whole } from "../../../kernel/mcp/input.ts";

export const reportProgress = defineTool({
  name: "report_progress",
  title: "Report progress",
  description:
    "Renews the lease and keeps a checkpoint for whoever takes over. Returns the new expiry and whether to stop.",
  input: z.object({
    token: tokenInput,
    progress: amount(0, 1).optional(),
    note: text(4_000).optional(),
    checkpoint: z.json().optional(),
    usage: usageInput,
    extend_s: whole(10, 86_400).optional(),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({
    expires_at: z.string(),
    cancel_requested: z.boolean(),
    budget: z.looseObject({}).optional(),
  }),
  annotations: WRITES,
  core: true,
  // The same report again is no new heartbeat, but a claim that is lost is told of.
  async beforeReplay({ token }, { store, clock }: TasksDeps) {
    const held = await store.read((tx) => tx.findByToken(token));
    if (held?.claim == null || held.claim.expiresAt <= clock()) throw staleToken();
  },
  run({ token, progress, note, checkpoint, usage, extend_s }, { store, clock }: TasksDeps, call) {
    refuseLarge("checkpoint", checkpoint);
    return store.answer(call, async (tx) => {
      const now = clock();
      const held = await mustHold(tx, token, now);
      const task = progressed(
        held,
        { progress, note, checkpoint, usage, leaseS: extend_s },
        held.milestone === null ? [] : await tx.purses(held.milestone),
        now,
      );
      const grant = task.claim?.grant ?? {};
      await tx.save(task);
      tx.emit("task.progress", task.id, {
        progress: task.progress,
        note: note === undefined ? undefined : clipText(note, 1_000),
      });
      return {
        expires_at: toIso(task.claim?.expiresAt ?? now),
        cancel_requested: task.claim?.cancelRequested === true || isOut(grant, usedBy(task, now)),
        ...(Object.keys(grant).length === 0 ? {} : { budget: { ...grant } }),
      };
    });
  },
});
