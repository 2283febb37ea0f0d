import { afterEach, beforeEach } from "vitest";
import { DomainError } from "../../../kernel/errors.ts";
import { silentLog } from "../../../kernel/log.ts";
import type { Policy } from "../../../orchestrator/demo/conversation.ts";
import { startScriptedModel } from "../../../orchestrator/demo/scripted-model.ts";
import type { Fault, ScriptedModel } from "../../../orchestrator/demo/scripted-model.ts";
import { anthropicModel } from "../../../orchestrator/models/anthropic.ts";
import type { ModelChoice } from "../../../orchestrator/models/config.ts";
import { BUNDLED_PRICES } from "../../../orchestrator/models/prices.ts";
import type { PriceTable } from "../../../orchestrator/models/prices.ts";
import { systemSleep } from "../../../orchestrator/models/retry.ts";
import { loadRoles, type Roles } from "../../../orchestrator/roles/roles.ts";
import { apiRunner } from "../../../orchestrator/runners/api.ts";
import type { Job, Outcome, RunnerEvent, Workspace } from "../../../orchestrator/runners/runner.ts";
import { makeJob } from "./job.ts";

const KEY = "test-key";
const choice: ModelChoice = { provider: "anthropic", model: "some-model" };

export interface Setup {
  readonly faults?: (request: number) => Fault | null;
  readonly prices?: PriceTable;
  readonly maxTurns?: number;
  readonly workspace?: Workspace | null;
  readonly signal?: AbortSignal;
  readonly roles?: Roles;
}

export interface Bench {
  readonly files: Map<string, string>;
  /** Over `files`; the command `true` succeeds, any other fails. */
  readonly workspace: Workspace;
  readonly events: RunnerEvent[];
  /** How many calls the endpoint of the last run has seen. */
  requests(): number;
  run(policy: Policy, job?: Partial<Job>, setup?: Setup): Promise<Outcome>;
}

/** The real api runner and the real client against a scripted endpoint; fresh files and events for every test. */
export function apiBench(): Bench {
  const files = new Map<string, string>();
  const events: RunnerEvent[] = [];
  const servers: ScriptedModel[] = [];
  const workspace: Workspace = {
    list: async () => [...files.keys()],
    async read(path) {
      const text = files.get(path);
      if (text === undefined) throw new DomainError("not_found", "there is no such file");
      return text;
    },
    write: async (path, text) => void files.set(path, text),
    run: async (command) => ({
      outcome: "exited",
      exitCode: command === "true" ? 0 : 1,
      output: `ran ${command}`,
    }),
  };
  beforeEach(() => {
    files.clear();
    files.set("a.txt", "one\ntwo\ntwo\n");
    events.length = 0;
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
  });
  return {
    files,
    workspace,
    events,
    requests: () => servers.at(-1)?.requests() ?? 0,
    async run(policy, job = {}, setup = {}) {
      const faults = setup.faults === undefined ? {} : { faults: setup.faults };
      const server = await startScriptedModel({ policy, apiKey: KEY, ...faults });
      servers.push(server);
      const runner = apiRunner({
        model: anthropicModel({
          apiKey: KEY,
          baseUrl: server.url,
          clock: Date.now,
          log: silentLog,
          idleTimeoutMs: 500,
        }),
        choices: { planner: choice, implementer: choice, reviewer: choice },
        roles: setup.roles ?? loadRoles(),
        prices: setup.prices ?? BUNDLED_PRICES,
        random: () => 0.5,
        sleep: systemSleep,
        retry: { attempts: 8, baseMs: 1, capMs: 4, longestPauseMs: 1_000 },
        log: silentLog,
        maxTurns: setup.maxTurns ?? 20,
      });
      return runner.run(makeJob(job), {
        workspace: setup.workspace === undefined ? workspace : setup.workspace,
        signal: setup.signal ?? new AbortController().signal,
        onEvent: (event) => events.push(event),
      });
    },
  };
}
