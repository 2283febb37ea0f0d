import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { reviewed } from "../domain/redirection.ts";
import type { TasksDeps } from "../deps.ts";
import { saveAndSettle } from "../store/upkeep.ts";
import { agentInput, idempotencyKey, mustFind, unblockedAnswer } from "./answer.ts";
import { list, text } from "../../../kernel/mcp/input.ts";

export const reviewTask = defineTool({
  name: "review_task",
  title: "Review a task",
  description: "Accepts or rejects work that waits in needs_review. Refused to whoever did the work.",
  input: z.object({
    id: z.string(),
    agent: agentInput.optional().describe("your name"),
    verdict: z.enum(["accept", "reject"]),
    reasons: list(text(2_000), 50),
    if_version: z.int().optional(),
    idempotency_key: idempotencyKey,
  }),
  output: z.looseObject({ status: z.string(), unblocked: z.array(z.string()) }),
  annotations: WRITES,
  run({ id, agent, verdict, reasons, if_version }, { store, clock }: TasksDeps, call) {
    return store.answer(call, async (tx) => {
      const now = clock();
      const task = await mustFind(tx, id);
      const by = agent ?? call.principal.id;
      if (task.worker === by)
        throw new DomainError("denied", "whoever did the work cannot review it", {
          hint: "let another agent or a person decide",
        });
      if (if_version !== undefined && if_version !== task.version) {
        throw new DomainError("conflict", `${id} is at version ${task.version}, not ${if_version}`, {
          hint: "get_task, then decide again",
        });
      }
      if (task.status !== "needs_review")
        throw new DomainError("invalid_state", `${id} is ${task.status}, not needs_review`);
      const next = reviewed(task, verdict, reasons, now);
      tx.emit("task.reviewed", id, {
        verdict,
        by,
        reasons: reasons.slice(0, 5).map((reason) => reason.slice(0, 500)),
        status: next.status,
      });
      const unblocked = await saveAndSettle(tx, task, next, now);
      return { status: next.status, ...unblockedAnswer(unblocked) };
    });
  },
});
