import { bindPrompts } from "../../kernel/mcp/prompt.ts";
import { bindResources } from "../../kernel/mcp/resource.ts";
import { bindTools, type ToolServer } from "../../kernel/mcp/server.ts";
import type { Tool } from "../../kernel/mcp/tool.ts";
import type { DecisionDeps, DecisionToolDeps } from "./deps.ts";
import { decisionPrompts } from "./prompts.ts";
import { decisionResources } from "./resources.ts";
import { assessRisk } from "./tools/assess-risk.ts";
import { castVote } from "./tools/cast-vote.ts";
import { modelSource } from "./store/current-model.ts";
import { decide } from "./tools/decide.ts";
import { explainDecision } from "./tools/explain-decision.ts";
import { getCalibration } from "./tools/get-calibration.ts";
import { getApproval } from "./tools/get-approval.ts";
import { listEscalations } from "./tools/list-escalations.ts";
import { raiseEscalation } from "./tools/raise-escalation.ts";
import { recordOutcome } from "./tools/record-outcome.ts";
import { tallyVotes } from "./tools/tally-votes.ts";

const tools = [
  assessRisk,
  decide,
  getApproval,
  recordOutcome,
  explainDecision,
  castVote,
  tallyVotes,
  raiseEscalation,
  listEscalations,
  getCalibration,
] as const satisfies readonly Tool<DecisionToolDeps>[];

export type DecisionTools = typeof tools;

/** Risk, policy and approvals as an MCP server. */
export function createDecisionServer(deps: DecisionDeps): ToolServer {
  const all: DecisionToolDeps = { ...deps, models: modelSource() };
  return {
    name: "decision",
    instructions:
      "Says how risky a change is and whether to go on. assess_risk measures, decide gives a verdict, get_approval tells what a person answered, record_outcome says how it ended. cast_vote and raise_escalation bring in others.",
    tools: bindTools(tools, all, deps.store),
    prompts: bindPrompts(decisionPrompts, all),
    resources: bindResources(decisionResources, all),
    log: deps.log,
    close: async () => deps.store.close(),
  };
}
