import { bindTools, type ToolServer } from "../../kernel/mcp/server.ts";
import type { Tool } from "../../kernel/mcp/tool.ts";
import type { DecisionDeps } from "./deps.ts";
import { assessRisk } from "./tools/assess-risk.ts";
import { decide } from "./tools/decide.ts";
import { explainDecision } from "./tools/explain-decision.ts";
import { getApproval } from "./tools/get-approval.ts";
import { recordOutcome } from "./tools/record-outcome.ts";

const tools = [
  assessRisk,
  decide,
  getApproval,
  recordOutcome,
  explainDecision,
] as const satisfies readonly Tool<DecisionDeps>[];

export type DecisionTools = typeof tools;

/** Risk, policy and approvals as an MCP server. */
export function createDecisionServer(deps: DecisionDeps): ToolServer {
  return {
    name: "decision",
    instructions:
      "Says how risky a change is and whether to go on. assess_risk measures, decide gives a verdict, get_approval tells what a person answered, record_outcome says how it ended.",
    tools: bindTools(tools, deps, deps.store),
    log: deps.log,
    close: async () => deps.store.close(),
  };
}
