import { digestOf } from "../../../kernel/canonical-json.ts";
import type { DecisionDeps } from "../deps.ts";
import { absorbs, DEADLINE_MS, escalationAt, raisedAgain, type Escalation } from "../domain/escalation.ts";
import type { Tier } from "../domain/policy.ts";
import type { DecisionTx } from "../store/decision-store.ts";

/** What is to be seen by somebody. */
export interface Alarm {
  readonly tier: Tier;
  readonly reason: string;
  readonly rule: string | null;
  readonly subject: string;
  readonly decisionId: string | null;
  readonly by: string;
}

/** Raises an escalation, or folds the alarm into the one that is there for the same thing. */
export async function raise(
  tx: DecisionTx,
  { newId, clock }: DecisionDeps,
  alarm: Alarm,
): Promise<{ readonly escalation: Escalation; readonly isNew: boolean }> {
  const now = clock();
  await tx.escalateOverdue(now);
  const key = digestOf({
    about: alarm.rule ?? alarm.reason.trim().replace(/\s+/g, " ").toLowerCase(),
    subject: alarm.subject,
  });
  const found = await tx.escalationOf(key);
  if (found !== undefined && absorbs(escalationAt(found, now), now)) {
    const escalation = raisedAgain(escalationAt(found, now), alarm.tier, now);
    await tx.saveEscalation(escalation);
    return { escalation, isNew: false };
  }
  const escalation: Escalation = {
    id: newId("esc"),
    key,
    subject: alarm.subject,
    reason: alarm.reason,
    rule: alarm.rule,
    decisionId: alarm.decisionId,
    tier: alarm.tier,
    state: "open",
    raisedBy: alarm.by,
    raisedAt: now,
    deadline: now + DEADLINE_MS[alarm.tier],
    times: 1,
    missed: 0,
    acknowledgedBy: null,
    channel: null,
    acknowledgedAt: null,
  };
  await tx.addEscalation(escalation);
  return { escalation, isNew: true };
}
