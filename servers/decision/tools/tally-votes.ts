import { z } from "zod";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import type { DecisionDeps } from "../deps.ts";
import { decisionId, mustFindDecision } from "./fields.ts";
import { tally, tallyAnswer, tallyOutput } from "./voting.ts";

export const tallyVotes = defineTool({
  name: "tally_votes",
  title: "Count the votes",
  description: "Counts the votes on a decision by role and by what each voter's word was worth before.",
  input: z.object({ decision_id: decisionId }),
  output: z.object(tallyOutput),
  annotations: READS,
  run({ decision_id }, { store, clock }: DecisionDeps) {
    return store.read(async (tx) => {
      const { id } = await mustFindDecision(tx, decision_id);
      return tallyAnswer(id, await tally(tx, id, clock()));
    });
  },
});
