import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { amount, orElse } from "../../../kernel/mcp/input.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { posteriorMean, statusOf } from "../domain/rating.ts";
import type { MemoryDeps } from "../deps.ts";
import { idempotencyKey } from "./memory-schema.ts";

/** Ratings are evidence, and one of them is never overwhelming. */
const MAX_WEIGHT = 10;

export const rateMemory = defineTool({
  name: "rate_memory",
  title: "Rate memory",
  description: "Records whether following a memory worked. Returns its mean rate of success and status.",
  input: z.strictObject({
    id: z.string(),
    outcome: z.enum(["success", "failure"]),
    weight: orElse(amount(Number.MIN_VALUE, MAX_WEIGHT), () => 1),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({ mean: z.number(), status: z.string() }),
  annotations: WRITES,
  async run({ id, outcome, weight }, { store }: MemoryDeps, call) {
    return store.answer(call, async (tx) => {
      const before = await tx.ratingsOf(id);
      if (before === undefined)
        throw new DomainError("not_found", "there is no memory with the id given", {
          hint: "rate an id that recall or remember returned",
        });
      const after = { ...before, [outcome]: before[outcome] + weight, count: before.count + 1 };
      await tx.setRatings(id, after);
      const mean = Number(posteriorMean(after).toFixed(4));
      const status = statusOf(after);
      tx.emit({ type: "memory.rated", subject: id, data: { outcome, weight, mean, count: after.count } });
      if (status !== "candidate" && status !== statusOf(before))
        tx.emit({ type: `pattern.${status}`, subject: id, data: { mean, count: after.count } });
      return { mean, status };
    });
  },
});
