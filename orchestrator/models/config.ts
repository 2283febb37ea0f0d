import { DomainError } from "../../kernel/errors.ts";
import type { Role } from "../runners/runner.ts";
import type { Effort } from "./chat-model.ts";

/** Which model fills a role. The id is the provider's own and is passed on unchanged. */
export interface ModelChoice {
  readonly provider: "anthropic";
  readonly model: string;
  readonly effort?: Effort;
}

/** What the `api` runner needs. Holds a secret: never logged, never written to the run's record. */
export interface ApiConfig {
  readonly apiKey: string;
  /** Null means the provider's own endpoint. */
  readonly baseUrl: string | null;
  readonly models: Readonly<Record<Role, ModelChoice>>;
}

const ROLES: readonly Role[] = ["planner", "implementer", "reviewer"];

/**
 * Checks at start, before anything is made, that the `api` runner can work. `env` is the process environment as the
 * command line read it; `choices` comes from `roles.<role>.models[0]` of the configuration.
 *
 * @throws {DomainError} `denied` without a usable key; `invalid` without a model id or with a bad base URL.
 */
export function checkApiConfig(
  env: Readonly<Record<string, string | undefined>>,
  choices: Readonly<Partial<Record<Role, ModelChoice>>>,
): ApiConfig {
  const apiKey = env["ANTHROPIC_API_KEY"]?.trim() ?? "";
  if (apiKey === "") {
    throw new DomainError("denied", "the api runner needs ANTHROPIC_API_KEY, which is not set", {
      hint: "set ANTHROPIC_API_KEY, or use a program with --runner 'command:<argv>', or try `slipway demo`, which needs no key",
    });
  }
  // A key with a space or a line break inside would fail later as an opaque header error.
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new DomainError("denied", "ANTHROPIC_API_KEY holds characters that no key has", {
      hint: "set it again without quotes, spaces or line breaks",
    });
  }
  return { apiKey, baseUrl: baseUrlOf(env["ANTHROPIC_BASE_URL"]), models: modelsOf(choices) };
}

function baseUrlOf(value: string | undefined): string | null {
  if (value === undefined || value.trim() === "") return null;
  const url = URL.parse(value.trim());
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw new DomainError("invalid", "ANTHROPIC_BASE_URL is not an http or https address", {
      hint: "give it as https://host, or unset it to use the provider's own endpoint",
    });
  }
  return value.trim();
}

function modelsOf(choices: Readonly<Partial<Record<Role, ModelChoice>>>): Record<Role, ModelChoice> {
  const missing = ROLES.filter((role) => (choices[role]?.model ?? "").trim() === "");
  const { planner, implementer, reviewer } = choices;
  if (missing.length > 0 || planner === undefined || implementer === undefined || reviewer === undefined) {
    throw new DomainError("invalid", `no model is configured for: ${missing.join(", ")}`, {
      hint: "name one in slipway.yaml, for example roles: { implementer: { models: [{ provider: anthropic, model: <id> }] } }",
    });
  }
  return { planner, implementer, reviewer };
}
