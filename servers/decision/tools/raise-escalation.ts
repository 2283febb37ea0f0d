import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import type { DecisionDeps } from "../deps.ts";
import { applyPolicy, type ReadyPolicy, type Tier } from "../domain/policy.ts";
import { raise } from "./escalating.ts";
import { factsInput, idempotencyKey, readFacts } from "./fields.ts";

export const raiseEscalation = defineTool({
  name: "raise_escalation",
  title: "Call for a person",
  description:
    "Calls for a person's attention. The policy's triggers over facts give the tier and its deadline (immediate 15 min, high 4 h, standard 24 h); raised again for one subject it is the same. Unseen, it grows more urgent.",
  input: z.object({
    reason: z.string().min(1).max(500),
    facts: factsInput.optional(),
    subject: z.string().min(1).max(200),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({
    escalation_id: z.string(),
    tier: z.string(),
    deduplicated: z.boolean(),
    deadline: z.string(),
    state: z.string(),
    rule: z.string().nullable(),
  }),
  annotations: WRITES,
  async run({ reason, facts: given, subject }, deps: DecisionDeps, call) {
    const { facts } = readFacts(given);
    const { tier, rule } = triggerOf(await deps.policies.current(), reason, facts);
    return deps.store.answer(call, async (tx) => {
      const { escalation, isNew } = await raise(tx, deps, {
        tier,
        rule,
        reason,
        subject,
        decisionId: null,
        by: call.principal.id,
      });
      return {
        escalation_id: escalation.id,
        tier: escalation.tier,
        deduplicated: !isNew,
        deadline: toIso(escalation.deadline),
        state: escalation.state,
        rule: escalation.rule,
      };
    });
  },
});

/**
 * The most urgent trigger that the facts fire, or the one that the reason names; a call that no rule knows is
 * standard, because somebody who asks for a person is never turned away.
 */
function triggerOf(
  policy: ReadyPolicy,
  reason: string,
  facts: Parameters<typeof applyPolicy>[2],
): { readonly tier: Tier; readonly rule: string | null } {
  const fired = applyPolicy(policy, "plan", facts).triggers[0];
  if (fired !== undefined) return { tier: fired.tier, rule: fired.rule };
  const named = policy.guards.find((guard) => guard.tier !== undefined && guard.id === reason.trim());
  return named?.tier === undefined ? { tier: "standard", rule: null } : { tier: named.tier, rule: named.id };
}
