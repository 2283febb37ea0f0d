import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { DomainError } from "../kernel/errors.ts";
import type { ModelChoice } from "./models/config.ts";
import type { Role } from "./runners/runner.ts";

const model = z.strictObject({
  provider: z.string(),
  model: z.string().min(1),
  effort: z.enum(["low", "medium", "high", "xhigh", "max"]).optional(),
  max_usd: z.number().positive().optional(),
});

const role = z.strictObject({
  runner: z.string().optional(),
  models: z.array(model).optional(),
  max_complexity: z.number().optional(),
  context_tokens: z.int().optional(),
});

/** `slipway.yaml` beside the repository's files. Unknown keys are errors: a misspelt policy must not be ignored. */
const Settings = z.strictObject({
  home: z.string().optional(),
  setup: z.string().optional(),
  runner: z.string().optional(),
  roles: z
    .strictObject({ planner: role.optional(), implementer: role.optional(), reviewer: role.optional() })
    .optional(),
  providers: z.unknown().optional(),
  policy: z.string().optional(),
  autonomy: z.int().min(1).max(5).optional(),
  budget: z
    .strictObject({ tokens: z.number().positive().optional(), usd: z.number().positive().optional() })
    .optional(),
  sandbox: z.unknown().optional(),
  git: z.unknown().optional(),
  mcpServers: z.unknown().optional(),
  notify: z.unknown().optional(),
});

/** Keys that have a meaning which this version does not act on yet; whoever sets one is told. */
const NOT_USED = ["providers", "sandbox", "git", "mcpServers", "notify"] as const;

export interface RunSettings {
  readonly home: string | undefined;
  readonly setup: string | undefined;
  readonly runner: string | undefined;
  readonly autonomy: number | undefined;
  readonly budget: { readonly tokens?: number | undefined; readonly usd?: number | undefined };
  readonly models: Readonly<Partial<Record<Role, ModelChoice>>>;
  /** Keys that are set and have no effect. */
  readonly ignored: readonly string[];
}

/**
 * Reads `slipway.yaml` of a repository; every setting is absent where there is none.
 *
 * @throws {DomainError} invalid, naming the file and the place.
 */
export function readSettings(repo: string, env: Readonly<Record<string, string | undefined>>): RunSettings {
  const file = join(repo, "slipway.yaml");
  const parsed = Settings.safeParse(existsSync(file) ? (readYaml(file, env) ?? {}) : {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new DomainError(
      "invalid",
      `${file} is wrong at ${issue?.path.map(String).join(".") || "its top"}: ${issue?.message ?? "unreadable"}`,
      {
        hint: "see the README for its keys",
      },
    );
  }
  const settings = parsed.data;
  return {
    home: settings.home,
    setup: settings.setup,
    runner: settings.runner,
    autonomy: settings.autonomy,
    budget: settings.budget ?? {},
    models: modelsOf(settings.roles ?? {}, file),
    ignored: NOT_USED.filter((key) => settings[key] !== undefined),
  };
}

function modelsOf(
  roles: NonNullable<z.output<typeof Settings>["roles"]>,
  file: string,
): Partial<Record<Role, ModelChoice>> {
  const choices: Partial<Record<Role, ModelChoice>> = {};
  for (const name of ["planner", "implementer", "reviewer"] as const) {
    const first = roles[name]?.models?.[0];
    if (first === undefined) continue;
    if (first.provider !== "anthropic") {
      throw new DomainError(
        "invalid",
        `${file}: roles.${name} asks for the provider "${first.provider}", which is not there`,
        { hint: "use provider: anthropic" },
      );
    }
    choices[name] = {
      provider: "anthropic",
      model: first.model,
      ...(first.effort === undefined ? {} : { effort: first.effort }),
    };
  }
  return choices;
}

function readYaml(file: string, env: Readonly<Record<string, string | undefined>>): unknown {
  const text = readFileSync(file, "utf8").replaceAll(
    /\$\{([A-Z][A-Z0-9_]*)\}/g,
    (_all, name: string) => env[name] ?? "",
  );
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new DomainError("invalid", `${file} is not YAML`, {
      hint: "check its indentation and quotes",
      cause: error,
    });
  }
}
