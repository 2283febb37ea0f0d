import { z } from "zod";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { clipText } from "../../../kernel/text.ts";
import { weighEvidence } from "../domain/evidence.ts";
import { completed, rejected } from "../domain/attempt.ts";
import type { TasksDeps } from "../deps.ts";
import type { TaskEmit, TaskTx } from "../store/task-store.ts";
import { saveAndSettle } from "../store/upkeep.ts";
import {
  findHeld,
  idempotencyKey,
  refuseLarge,
  staleToken,
  tokenInput,
  unblockedAnswer,
  usageInput,
} from "./answer.ts";
import { list, text } from "../../../kernel/mcp/input.ts";

const answered = z.looseObject({
  status: z.string(),
  verified: z.boolean(),
  unblocked: z.array(z.string()),
  unmet: z.array(z.string()).optional(),
});

export const completeTask = defineTool({
  name: "complete_task",
  title: "Complete a task",
  description:
    "Ends your attempt as done. Its acceptance is checked here, with the receipts of run_command as evidence: what is unmet sends the task back, what cannot be checked goes to review.",
  input: z.object({
    token: tokenInput,
    output: z.json().optional().describe("what dependents should know"),
    artifacts: list(text(1_000), 200),
    evidence: list(text(20_000), 100).describe("receipts"),
    tree: text(100).optional().describe("tree_digest they must be of"),
    usage: usageInput,
    idempotency_key: idempotencyKey,
  }),
  output: answered,
  annotations: WRITES,
  core: true,
  alwaysLoad: true,
  async run(
    { token, output, artifacts, evidence, tree, usage },
    { store, clock, checkReceipt }: TasksDeps,
    call,
  ) {
    refuseLarge("output", output);
    const ending = async (tx: TaskTx & { readonly emit: TaskEmit }): Promise<CompleteAnswer | Late> => {
      const now = clock();
      const held = await findHeld(tx, token, now);
      if (held === undefined) return { orphanOf: await keepOrphan(tx, token, output, artifacts, now) };
      const verdict = weighEvidence(held.acceptance, {
        receipts: evidence.map(checkReceipt),
        tree: tree ?? null,
        since: held.claim?.since ?? null,
        output: output ?? null,
        artifacts,
      });
      if (verdict.kind === "unmet") {
        const unmet = verdict.unmet.map((reason) => clipText(reason, 300)).slice(0, 20);
        const task = rejected(
          held,
          { message: clipText(`unmet: ${unmet.join("; ")}`, 4_000), kind: "validation", log: "" },
          usage,
          now,
        );
        tx.emit("task.failed", task.id, {
          kind: "validation",
          message: clipText(task.failure?.message ?? "", 1_000),
          attempt: task.attempt,
          status: task.status,
        });
        await saveAndSettle(tx, held, task, now);
        return { status: task.status, verified: false, unblocked: [], unmet };
      }
      const task = completed(
        held,
        {
          output: output ?? null,
          artifacts,
          usage,
          verdict: verdict.kind === "needs_review" ? "needs_review" : "succeeded",
          verified: verdict.kind === "met",
        },
        now,
      );
      tx.emit("task.completed", task.id, {
        agent: held.claim?.agent ?? null,
        status: task.status,
        verified: task.verified,
        attempt: task.attempt,
        tree,
      });
      const unblocked = await saveAndSettle(tx, held, task, now);
      return { status: task.status, verified: task.verified, ...unblockedAnswer(unblocked) };
    };
    const answer = await store.answer(call, ending, (told) => !("orphanOf" in told));
    if ("orphanOf" in answer) throw staleToken(answer.orphanOf);
    return { ...answer };
  },
});

interface CompleteAnswer {
  readonly status: string;
  readonly verified: boolean;
  readonly unblocked: string[];
  readonly unblocked_count?: number;
  readonly unmet?: string[];
}

/** The token was stale; the result is kept beside this task where it had ever held one. */
interface Late {
  readonly orphanOf: string | undefined;
}

async function keepOrphan(
  tx: TaskTx & { readonly emit: TaskEmit },
  token: string,
  output: unknown,
  artifacts: readonly string[],
  at: number,
): Promise<string | undefined> {
  const lost = await tx.findLostClaim(token);
  if (lost === undefined) return undefined;
  await tx.keepOrphan(token, { output: output ?? null, artifacts, at });
  tx.emit("task.updated", lost.taskId, { orphan_of: lost.agent, attempt: lost.attempt });
  return lost.taskId;
}
