export type { ChangeSource, ChangeRequest } from "./adapters/change-source.ts";
export { gitHistory } from "./adapters/git-history.ts";
export type { DecisionDeps } from "./deps.ts";
export {
  isShipped,
  openPolicy,
  shippedPolicy,
  SHIPPED,
  type PolicyDocument,
} from "./adapters/policy-file.ts";
export type { PolicySource } from "./adapters/policy-source.ts";
export {
  ACTIONS,
  VERDICTS,
  type Action,
  type Policy,
  type ReadyPolicy,
  type Verdict,
} from "./domain/policy.ts";
export { createDecisionServer, type DecisionTools } from "./server.ts";
export type { DecisionStore } from "./store/decision-store.ts";
export { openDecisionStore } from "./store/sqlite.ts";
