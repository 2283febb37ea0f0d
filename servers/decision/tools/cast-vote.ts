import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { Call } from "../../../kernel/mcp/call.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import type { DecisionDeps } from "../deps.ts";
import { atTime } from "../domain/approval.ts";
import { bareName, isSamePerson } from "../domain/names.ts";
import { ROLES, type Vote } from "../domain/votes.ts";
import type { DecisionTx, StoredDecision } from "../store/decision-store.ts";
import { auditingRefusals } from "./denials.ts";
import { raise } from "./escalating.ts";
import { decisionId, idempotencyKey, mustFindDecision } from "./fields.ts";
import { tally, tallyAnswer, tallyOutput } from "./voting.ts";

export const castVote = defineTool({
  name: "cast_vote",
  title: "Vote on a decision",
  description:
    "Casts one vote on an open decision and returns the count. Not by its author, not twice, not once it is settled. Disagreement and a veto call for a person.",
  input: z.object({
    decision_id: decisionId,
    voter: z.string().trim().min(1).max(100),
    role: z.enum(ROLES),
    score: z.number().min(0).max(1).describe("how sure that it should go ahead"),
    veto: z.boolean().default(false),
    abstain: z.boolean().default(false),
    rationale: z.string().max(1_000).default(""),
    idempotency_key: idempotencyKey,
  }),
  output: z.object({ ...tallyOutput, escalation_id: z.string().optional() }),
  annotations: WRITES,
  run({ decision_id, voter, role, score, veto, abstain, rationale }, deps: DecisionDeps, call) {
    const { store, clock } = deps;
    return auditingRefusals(store, call, { what: "vote", subject: decision_id }, () =>
      store.answer(call, async (tx) => {
        const now = clock();
        const decision = await mustFindDecision(tx, decision_id);
        const vote: Vote = {
          decisionId: decision.id,
          ...identityOf(call, voter),
          voter,
          role,
          score,
          veto,
          abstain,
          rationale,
          at: now,
        };
        if (veto && abstain)
          throw new DomainError("invalid", "a vote can't both veto and abstain", {
            hint: "give one of them",
          });
        await mayVote(tx, decision, vote, call, now);
        await tx.addVote(vote);
        const count = await tally(tx, decision.id, now);
        const escalation =
          count.dissent || count.vetoes.length > 0
            ? await raise(tx, deps, {
                tier: "standard",
                rule: "code_review_disagreement",
                reason: `the votes on ${decision.id} do not agree`,
                subject: decision.subject,
                decisionId: decision.id,
                by: call.principal.id,
              })
            : null;
        return {
          ...tallyAnswer(decision.id, count),
          ...(escalation === null ? {} : { escalation_id: escalation.escalation.id }),
        };
      }),
    );
  },
});

/** A token names somebody. What a local process calls itself is its own word, and its vote is advice. */
function identityOf(call: Call, voter: string): Pick<Vote, "identity" | "attested"> {
  return call.principal.channel === "http"
    ? { identity: call.principal.id, attested: "token" }
    : { identity: `self:${voter.normalize("NFKC").toLowerCase()}`, attested: "self" };
}

/** Who casts a vote: a token's name, whatever else it calls itself. */
function nameOf({ attested, identity, voter }: Vote): string {
  return attested === "token" ? bareName(identity) : voter;
}

/** @throws {DomainError} denied to the author, conflict for a second vote, invalid_state once it is settled */
async function mayVote(
  tx: DecisionTx,
  decision: StoredDecision,
  vote: Vote,
  call: Call,
  now: number,
): Promise<void> {
  const isRequester = vote.attested === "token" && call.principal.id === decision.principal;
  const isVoter = (name: string): boolean =>
    isSamePerson(name, vote.voter) || (vote.attested === "token" && isSamePerson(name, nameOf(vote)));
  if (isRequester || decision.authors.some(isVoter))
    throw new DomainError("denied", "the author of a change has no vote on it", {
      hint: "somebody else has to vote",
    });
  if ((await tx.votesOn(decision.id)).some((cast) => isSamePerson(nameOf(cast), nameOf(vote))))
    throw new DomainError("conflict", "this voter has voted already, and a vote stands", {
      hint: "tally_votes shows the count",
    });
  const approval = decision.approvalId === null ? undefined : await tx.findApproval(decision.approvalId);
  const isAnswered =
    approval !== undefined && approval.answeredBy !== null && atTime(approval, now).status !== "expired";
  if (isAnswered || (await tx.outcomesOf(decision.id)).length > 0)
    throw new DomainError("invalid_state", "this decision is settled: votes after it do not count", {
      hint: "ask decide again to vote on what is new",
    });
}
