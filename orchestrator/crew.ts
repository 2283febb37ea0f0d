import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { systemClock } from "../kernel/clock.ts";
import { DomainError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { demoPolicy } from "./demo/policy.ts";
import { parseScript, scriptPolicy } from "./demo/script-file.ts";
import { openScriptedRunner, type ScriptedRunner } from "./demo/scripted-runner.ts";
import { anthropicModel } from "./models/anthropic.ts";
import { checkApiConfig, type ApiConfig, type ModelChoice } from "./models/config.ts";
import { BUNDLED_PRICES } from "./models/prices.ts";
import { systemSleep } from "./models/retry.ts";
import { loadRoles } from "./roles/roles.ts";
import { apiRunner } from "./runners/api.ts";
import { commandRunner } from "./runners/command.ts";
import { parseRunnerSpec } from "./runners/runner-spec.ts";
import type { Role, Runner } from "./runners/runner.ts";
import type { Crew } from "./run/context.ts";

export interface CrewOptions {
  /** The repository, which may have roles of its own. */
  readonly repo: string;
  /** The implementer, as `--runner` names it. */
  readonly runner: string;
  readonly demo: { readonly sabotage: boolean } | null;
  readonly models: Readonly<Partial<Record<Role, ModelChoice>>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

export type OpenCrew = Crew & { close(): Promise<void> };

/**
 * Fills the roles of a run.
 *
 * @throws {DomainError} denied or invalid before anything is made, when a runner lacks its key, model or script.
 */
export async function openCrew(options: CrewOptions): Promise<OpenCrew> {
  const { env, log } = options;
  const scripted = await openScripted(options);
  if (scripted !== null) {
    const { runner } = scripted;
    return {
      implementer: () => runner,
      planner: runner,
      reviewer: runner,
      close: async () => scripted[Symbol.asyncDispose](),
    };
  }
  const api = openApi(options);
  const implementer = (wanted: string | undefined): Runner => {
    const spec = parseRunnerSpec(wanted ?? options.runner);
    switch (spec.kind) {
      case "command":
        return commandRunner({ argv: spec.argv, env });
      case "api":
        if (api === null)
          throw new DomainError("denied", "a task asks for the api runner, which is not configured", {
            hint: "set ANTHROPIC_API_KEY and roles.implementer.models",
          });
        return api;
      case "scripted":
        throw new DomainError("invalid", "a task cannot bring a script of its own", {
          hint: "use --runner scripted:FILE for the whole run",
        });
    }
  };
  log("info", "crew", { runner: options.runner, model: api !== null });
  return { implementer, planner: api, reviewer: api, close: async () => undefined };
}

async function openScripted({ demo, runner, log }: CrewOptions): Promise<ScriptedRunner | null> {
  const spec = demo === null ? parseRunnerSpec(runner) : null;
  if (spec !== null && spec.kind !== "scripted") return null;
  const policy =
    spec === null
      ? demoPolicy({ sabotage: demo?.sabotage ?? false })
      : scriptPolicy(parseScript(readScript(spec.file)));
  return openScriptedRunner({
    policy,
    // The scripted model checks its key like the real endpoint does; both ends are ours.
    apiKey: randomUUID(),
    roles: loadRoles(),
    clock: systemClock,
    random: Math.random,
    sleep: systemSleep,
    log,
  });
}

function readScript(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new DomainError("invalid", `the script ${file} cannot be read`, {
      hint: "check the path after scripted:",
      cause: error,
    });
  }
}

/** The api runner. A run whose implementer is a program does without it where no key or model is configured. */
function openApi({ repo, runner, models, env, log }: CrewOptions): Runner | null {
  const config = ((): ApiConfig | null => {
    try {
      return checkApiConfig(env, models);
    } catch (error) {
      if (runner === "api") throw error;
      return null;
    }
  })();
  if (config === null) return null;
  const model = anthropicModel({ apiKey: config.apiKey, baseUrl: config.baseUrl, clock: systemClock, log });
  return apiRunner({
    model,
    choices: config.models,
    roles: loadRoles(repo),
    prices: BUNDLED_PRICES,
    random: Math.random,
    sleep: systemSleep,
    log,
  });
}
