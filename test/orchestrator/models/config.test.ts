import { describe, expect, test } from "vitest";
import { DomainError } from "../../../kernel/errors.ts";
import { checkApiConfig } from "../../../orchestrator/models/config.ts";
import type { ModelChoice } from "../../../orchestrator/models/config.ts";

const choice: ModelChoice = { provider: "anthropic", model: "some-model" };
const choices = { planner: choice, implementer: choice, reviewer: choice };

function refusal(
  env: Record<string, string>,
  models: Parameters<typeof checkApiConfig>[1] = choices,
): DomainError {
  try {
    checkApiConfig(env, models);
  } catch (error) {
    if (error instanceof DomainError) return error;
  }
  throw new Error("it was not refused");
}

describe("the api runner's configuration", () => {
  test.each([{}, { ANTHROPIC_API_KEY: "" }, { ANTHROPIC_API_KEY: "  " }])(
    "without a key it names the key and the ways around it",
    (env) => {
      const error = refusal(env);
      expect(error.code).toBe("denied");
      expect(error.message).toContain("ANTHROPIC_API_KEY");
      expect(error.hint).toMatch(/--runner 'command:<argv>'.*slipway demo/);
    },
  );

  test("a key with a line break inside is refused without showing it", () => {
    const error = refusal({ ANTHROPIC_API_KEY: "secret\nvalue" });
    expect(error.code).toBe("denied");
    expect(JSON.stringify(error.toAnswer())).not.toContain("secret");
  });

  test.each(["localhost:80", "ftp://host", "not an address"])("a base URL %j is refused", (url) => {
    expect(refusal({ ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: url }).code).toBe("invalid");
  });

  test("a role without a model is named", () => {
    const error = refusal(
      { ANTHROPIC_API_KEY: "k" },
      { planner: choice, reviewer: { ...choice, model: " " } },
    );
    expect(error.message).toContain("implementer, reviewer");
  });

  test("what is complete is taken, trimmed", () => {
    expect(checkApiConfig({ ANTHROPIC_API_KEY: " k \n", ANTHROPIC_BASE_URL: "" }, choices)).toEqual({
      apiKey: "k",
      baseUrl: null,
      models: choices,
    });
  });
});
