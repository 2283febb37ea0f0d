import { z } from "zod";
import { tallyOf, weightFromPast, type Tally } from "../domain/votes.ts";
import type { DecisionTx } from "../store/decision-store.ts";

/** The state of a vote as both voting tools answer it. */
export const tallyOutput = {
  decision_id: z.string(),
  score: z.number().nullable(),
  quorum: z.boolean(),
  dissent: z.boolean(),
  verdict: z.string(),
  reason: z.string(),
  advisory: z.boolean().describe("true: names were self-declared; changes no verdict"),
  voters: z.number(),
};

/** Counts the votes on a decision, each voter weighing what their earlier votes were worth. */
export async function tally(tx: DecisionTx, decisionId: string, now: number): Promise<Tally> {
  const votes = await tx.votesOn(decisionId);
  const weights = new Map<string, number>();
  for (const { identity, attested } of votes)
    weights.set(identity, weightFromPast(await tx.pastVotes(identity, attested, now)));
  return tallyOf(votes, (identity) => weights.get(identity) ?? 1);
}

export function tallyAnswer(
  decisionId: string,
  { score, quorum, dissent, verdict, reason, advisory, voters }: Tally,
): z.output<z.ZodObject<typeof tallyOutput>> {
  return { decision_id: decisionId, score, quorum, dissent, verdict, reason, advisory, voters };
}
