import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { DomainError } from "../../kernel/errors.ts";
import { parsePlan, type Plan } from "./plan.ts";

/**
 * Reads a plan from a YAML or JSON file.
 *
 * @throws {DomainError} not_found for a file that cannot be read; invalid for one that is not a plan.
 */
export function readPlanFile(file: string): Plan {
  return parsePlan(parseYaml(file, readText(file)));
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

function parseYaml(file: string, text: string): unknown {
  try {
    // Aliases are bounded by the library; a plan of the size of a book is not one.
    if (text.length > 2_000_000) throw new RangeError("too large");
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    const where =
      error instanceof Error && "linePos" in error && Array.isArray(error.linePos)
        ? ` (line ${String(error.linePos[0]?.line)})`
        : "";
    throw new DomainError("invalid", `${file} is not YAML${where}`, {
      hint: "slipway plan validate FILE shows what is wrong",
      cause: error,
    });
  }
}
