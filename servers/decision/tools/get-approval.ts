import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { oneLine } from "../../../kernel/text.ts";
import type { DecisionDeps } from "../deps.ts";
import { atTime } from "../domain/approval.ts";

export const getApproval = defineTool({
  name: "get_approval",
  title: "Look up an approval",
  description: "Tells whether a person has answered an approval. No tool can answer it.",
  input: z.object({ approval_id: z.string().max(60) }),
  output: z.object({
    approval_id: z.string(),
    status: z.enum(["pending", "approved", "denied", "expired"]),
    who: z.string().optional(),
    channel: z.string().optional(),
    answered_at: z.string().optional(),
    used_at: z.string().optional().describe("spent"),
    expires_at: z.string(),
    decision_id: z.string(),
    subject: z.string(),
  }),
  annotations: READS,
  core: true,
  run({ approval_id }, { store, clock }: DecisionDeps) {
    return store.read(async (tx) => {
      const found = await tx.findApproval(approval_id);
      if (found === undefined)
        throw new DomainError("not_found", "there is no such approval", {
          hint: "use the approval_id that decide returned",
        });
      const approval = atTime(found, clock());
      return {
        approval_id: approval.id,
        status: approval.status,
        ...(approval.answeredBy === null ? {} : { who: approval.answeredBy }),
        ...(approval.channel === null ? {} : { channel: approval.channel }),
        ...(approval.answeredAt === null ? {} : { answered_at: toIso(approval.answeredAt) }),
        ...(approval.usedAt === null ? {} : { used_at: toIso(approval.usedAt) }),
        expires_at: toIso(approval.expiresAt),
        decision_id: approval.decisionId,
        subject: oneLine(approval.subject, 200),
      };
    });
  },
});
