import { beginning, readByTool, type Resource } from "../../kernel/mcp/resource.ts";
import type { DecisionDeps } from "./deps.ts";
import { explainDecision } from "./tools/explain-decision.ts";

/** Sorts after every id. */
const NEWEST = "~";

/** What a host can attach of the decisions. */
export const decisionResources: readonly Resource<DecisionDeps>[] = [
  {
    name: "decision",
    title: "A decision",
    description: "Why a decision came out as it did.",
    uri: "slipway://decisions/{id}",
    mimeType: "application/json",
    read: ({ id = "" }, deps, call) => readByTool(explainDecision, { decision_id: id }, deps, call),
    complete: {
      async id(start, { store }) {
        const past = await store.read((tx) => tx.pastDecisions(NEWEST, 100));
        return beginning(
          past.map(({ id }) => id),
          start,
        );
      },
    },
  },
];
