import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { cleanText, clipText } from "../../../kernel/text.ts";
import { estimateTokens } from "../../../kernel/tokens.ts";
import type { DecisionDeps } from "../deps.ts";
import type { Escalation } from "../domain/escalation.ts";

const MOST = 1_000;

export const listEscalations = defineTool({
  name: "list_escalations",
  title: "List escalations",
  description: "Lists what waits for a person, open and most urgent first. Only a person acknowledges.",
  input: z.object({
    state: z.enum(["open", "acknowledged"]).optional(),
    limit: z.int().min(1).max(100).default(20),
    cursor: z.string().max(20).optional(),
    max_tokens: z.int().min(200).max(25_000).default(2_000),
  }),
  output: z.object({ escalations: z.array(z.looseObject({})), next_cursor: z.string().optional() }),
  annotations: READS,
  async run({ state, limit, cursor, max_tokens }, { store, clock }: DecisionDeps, call) {
    const now = clock();
    // Deadlines that passed while nothing was written are told of now.
    if (await store.read((tx) => tx.hasOverdue(now)))
      await store.write({ principal: call.principal, once: undefined }, (tx) => tx.escalateOverdue(now));
    const skip = cursor === undefined ? 0 : Number(cursor);
    if (!Number.isInteger(skip) || skip < 0 || skip > MOST)
      throw new DomainError("invalid", "this is no cursor", { hint: "use the next_cursor of the last page" });
    const found = await store.read((tx) => tx.escalations(state, skip + limit + 1));
    const page = [];
    let cost = 60;
    for (const escalation of found.slice(skip, skip + limit)) {
      const item = itemOf(escalation);
      cost += estimateTokens(JSON.stringify(item));
      if (page.length > 0 && cost > max_tokens) break;
      page.push(item);
    }
    const end = skip + page.length;
    return { escalations: page, ...(found.length > end ? { next_cursor: String(end) } : {}) };
  },
});

function itemOf(escalation: Escalation): { readonly id: string; readonly [key: string]: unknown } {
  const plain = (text: string): string => clipText(cleanText(text), 200);
  return {
    id: escalation.id,
    tier: escalation.tier,
    state: escalation.state,
    reason: plain(escalation.reason),
    rule: escalation.rule,
    subject: plain(escalation.subject),
    deadline: toIso(escalation.deadline),
    raised_at: toIso(escalation.raisedAt),
    raised_by: escalation.raisedBy,
    times: escalation.times,
    missed: escalation.missed,
    ...(escalation.decisionId === null ? {} : { decision_id: escalation.decisionId }),
    ...(escalation.acknowledgedAt === null
      ? {}
      : {
          acknowledged_at: toIso(escalation.acknowledgedAt),
          acknowledged_by: escalation.acknowledgedBy,
          channel: escalation.channel,
        }),
  };
}
