import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { clipText } from "../../../kernel/text.ts";
import { weighEvidence, type Submission } from "../domain/evidence.ts";
import { reviewed } from "../domain/redirection.ts";
import type { Task } from "../domain/task.ts";
import type { TasksDeps } from "../deps.ts";
import { saveAndSettle } from "../store/upkeep.ts";
import { agentInput, idempotencyKey, mustFind, unblockedAnswer } from "./answer.ts";
import { list, text } from "../../../kernel/mcp/input.ts";

export const reviewTask = defineTool({
  name: "review_task",
  title: "Review a task",
  description: "Accepts or rejects work in needs_review. Refused to whoever did it.",
  input: z.object({
    id: z.string(),
    agent: agentInput.optional().describe("your name"),
    verdict: z.enum(["accept", "reject"]),
    reasons: list(text(2_000), 50),
    evidence: list(text(20_000), 100),
    if_version: z.int().optional(),
    idempotency_key: idempotencyKey,
  }),
  output: z.looseObject({ status: z.string(), unblocked: z.array(z.string()) }),
  annotations: WRITES,
  run(
    { id, agent, verdict, reasons, evidence, if_version },
    { store, clock, checkReceipt }: TasksDeps,
    call,
  ) {
    return store.answer(call, async (tx) => {
      const now = clock();
      const task = await mustFind(tx, id);
      const by = agent ?? call.principal.id;
      refuseOwnWork(task, agent, call.principal.id);
      if (if_version !== undefined && if_version !== task.version) {
        throw new DomainError("conflict", `${id} is at version ${task.version}, not ${if_version}`, {
          hint: "get_task, then decide again",
        });
      }
      if (task.status !== "needs_review")
        throw new DomainError("invalid_state", `${id} is ${task.status}, not needs_review`, {
          hint: "list_tasks with status needs_review shows what waits for a review",
        });
      const isProven =
        verdict === "accept" && evidence.length > 0 && proves(task, evidence.map(checkReceipt));
      const next = { ...reviewed(task, verdict, reasons, now), verified: isProven };
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

/** @throws {DomainError} denied to whoever did the work, and to whoever may have done it: a name tells processes of one user apart. */
function refuseOwnWork(
  { worker, workerPrincipal }: Task,
  agent: string | undefined,
  principal: string,
): void {
  if (worker === null) return;
  if (worker === agent) {
    throw new DomainError("denied", "whoever did the work cannot review it", {
      hint: "let another agent or a person decide",
    });
  }
  if (agent === undefined && (workerPrincipal ?? principal) === principal) {
    throw new DomainError("denied", "who reviews cannot be told apart from whoever did the work", {
      hint: "give your name as agent",
    });
  }
}

/**
 * Whether a reviewer's receipts prove all of the acceptance; false where some of it only a reviewer can tell.
 *
 * @throws {DomainError} invalid where they speak against it: then it must not be accepted on their strength.
 */
function proves({ acceptance, output, artifacts }: Task, receipts: Submission["receipts"]): boolean {
  const weighed = weighEvidence(acceptance, { receipts, tree: null, since: null, output, artifacts });
  if (weighed.kind === "unmet") {
    throw new DomainError(
      "invalid",
      `the evidence does not prove it: ${clipText(weighed.unmet.join("; "), 500)}`,
      {
        hint: "reject it, or run what is missing and give those receipts too",
      },
    );
  }
  return weighed.kind === "met";
}
