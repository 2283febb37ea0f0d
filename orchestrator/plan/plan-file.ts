import { readFileSync } from "node:fs";
import { DomainError } from "../../kernel/errors.ts";
import { parseYaml } from "../../kernel/yaml.ts";
import { parsePlan, type Plan } from "./plan.ts";

/**
 * Reads a plan from a YAML or JSON file.
 *
 * @throws {DomainError} not_found for a file that cannot be read; invalid for one that is not a plan.
 */
export function readPlanFile(file: string): Plan {
  return parsePlan(parseYaml(file, readText(file), "slipway plan validate FILE shows what is wrong"));
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new DomainError("invalid", `the plan ${file} cannot be read`, {
      hint: "check the path given with --plan",
      cause: error,
    });
  }
}
