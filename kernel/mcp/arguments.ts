import type { z } from "zod";
import { DomainError } from "../errors.ts";
import { clipText } from "../text.ts";

/** Levels of nesting that are read at all: what checks and stores JSON calls itself for each. */
const MOST_LEVELS = 500;
/** How many of its mistakes a caller hears of at once. */
const MOST_ISSUES = 5;

/**
 * A call's arguments as the tool's schema reads them.
 *
 * @throws {DomainError} invalid, naming each argument that is wrong and why.
 */
export function checkedArguments(
  tool: { readonly name: string; readonly input: z.ZodObject },
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  if (isDeeperThan(MOST_LEVELS, given)) {
    throw new DomainError("invalid", `the arguments nest deeper than ${MOST_LEVELS} levels`, {
      hint: "give it as a text or a file, and name that here",
    });
  }
  const parsed = tool.input.safeParse(given);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const told = issues.slice(0, MOST_ISSUES).map(({ path, message }) => {
    const where = path.map(String).join(".");
    return clipText(where === "" ? message : `${where}: ${message}`, 300);
  });
  const more = issues.length > told.length ? [`and ${issues.length - told.length} more`] : [];
  throw new DomainError("invalid", [...told, ...more].join("; "), {
    hint: `correct these arguments: the list of tools has the schema of ${tool.name}`,
  });
}

/** Goes level by level, so that no depth is too deep to be told. */
function isDeeperThan(levels: number, value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > levels) return true;
    level = level.flatMap((one) => {
      if (one === null || typeof one !== "object") return [];
      return Object.values(one).filter((part) => part !== null && typeof part === "object");
    });
  }
  return false;
}
