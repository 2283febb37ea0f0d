import type { Clock } from "../../kernel/clock.ts";
import type { NewId } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { ChangeSource } from "./adapters/change-source.ts";
import type { PolicySource } from "./adapters/policy-source.ts";
import type { ModelSource } from "./store/current-model.ts";
import type { DecisionStore } from "./store/decision-store.ts";

/** What the decision tools work with. The server owns none of it but the store, which it closes. */
export interface DecisionDeps {
  readonly store: DecisionStore;
  readonly changes: ChangeSource;
  readonly policies: PolicySource;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Log;
}

/** What the tools get beside that: made with the server, one for all calls. */
export interface DecisionToolDeps extends DecisionDeps {
  readonly models: ModelSource;
}
