export type { ChangeSource, ChangeRequest } from "./adapters/change-source.ts";
export { gitHistory } from "./adapters/git-history.ts";
export type { DecisionDeps } from "./deps.ts";
export {
  ACTIONS,
  BALANCED,
  CLASSIC,
  VERDICTS,
  type Action,
  type Policy,
  type Verdict,
} from "./domain/policy.ts";
export { createDecisionServer, type DecisionTools } from "./server.ts";
export type { DecisionStore } from "./store/decision-store.ts";
export { openDecisionStore } from "./store/sqlite.ts";
