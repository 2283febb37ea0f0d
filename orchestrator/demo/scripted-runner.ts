import type { Log } from "../../kernel/log.ts";
import { anthropicModel } from "../models/anthropic.ts";
import type { ModelChoice } from "../models/config.ts";
import { BUNDLED_PRICES } from "../models/prices.ts";
import type { Sleep } from "../models/retry.ts";
import type { Roles } from "../roles/roles.ts";
import { apiRunner } from "../runners/api.ts";
import type { Runner } from "../runners/runner.ts";
import type { Policy } from "./conversation.ts";
import { startScriptedModel } from "./scripted-model.ts";
import type { Fault } from "./scripted-model.ts";

export interface ScriptedRunner extends AsyncDisposable {
  readonly runner: Runner;
  /** The endpoint's address, for other clients of the same format. */
  readonly url: string;
}

const CHOICE: ModelChoice = { provider: "anthropic", model: "scripted" };

/**
 * The `api` runner, unchanged, against a scripted model that is started for it. Only the address and the key differ
 * from a paid model. `apiKey` is any text; both ends get it. The caller disposes of it.
 */
export async function openScriptedRunner(options: {
  readonly policy: Policy;
  readonly apiKey: string;
  readonly roles: Roles;
  readonly clock: () => number;
  readonly random: () => number;
  readonly sleep: Sleep;
  readonly log: Log;
  readonly faults?: (request: number) => Fault | null;
}): Promise<ScriptedRunner> {
  const { policy, apiKey, faults, clock, log, roles, random, sleep } = options;
  const server = await startScriptedModel({ policy, apiKey, ...(faults === undefined ? {} : { faults }) });
  const model = anthropicModel({ apiKey, baseUrl: server.url, clock, log });
  const choices = { planner: CHOICE, implementer: CHOICE, reviewer: CHOICE };
  const api = apiRunner({ model, choices, roles, prices: BUNDLED_PRICES, random, sleep, log });
  return {
    runner: { ...api, name: "scripted" },
    url: server.url,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
